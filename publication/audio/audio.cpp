#include "publication/audio/audio.hpp"

#include <algorithm>
#include <array>
#include <new>

#include "publication/audio/chapters.hpp"
#include "publication/audio/fields.hpp"
#include "publication/audio/sound.hpp"
#include "publication/cover.hpp"
#include "publication/file_bytes.hpp"
#include "publication/names.hpp"
#include "publication/unicode.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

constexpr std::int64_t longest_sound = 1'000'000'000;  // in milliseconds, eleven days

using reader = result<audio::sound, refusal> (*)(const audio::source&, audio::tags&);

// Audible's older form is encrypted from its beginning: nothing in it is for us.
result<audio::sound, refusal> read_nothing(const audio::source&, audio::tags&) {
  audio::sound out;
  out.drm = "audible";
  return out;
}

reader reader_of(const std::string& format) {
  static constexpr std::array<std::pair<std::string_view, reader>, 10> all{{{"m4b", audio::read_mp4},
                                                                            {"m4a", audio::read_mp4},
                                                                            {"aax", audio::read_mp4},
                                                                            {"aa", read_nothing},
                                                                            {"mp3", audio::read_mpeg},
                                                                            {"flac", audio::read_flac},
                                                                            {"ogg", audio::read_ogg},
                                                                            {"opus", audio::read_ogg},
                                                                            {"wav", audio::read_wave},
                                                                            {"wma", audio::read_asf}}};
  auto found = std::find_if(all.begin(), all.end(), [&](const auto& r) { return r.first == format; });
  CARREL_EXPECT(found != all.end());
  return found->second;
}

bool has_identifier(const metadata& about, std::string_view scheme) {
  return std::any_of(about.identifiers.begin(), about.identifiers.end(), [&](const auto& i) { return i.first == scheme; });
}

// What the name of an audiobook tells beyond that of other books (15.3).
void complete(metadata& about, const std::string& file_name, std::vector<warning>& warnings) {
  guess g = guess_from_audiobook_name(file_name);
  bool same_book = about.title.empty() || fold(g.title) == fold(about.title);
  std::string place = g.series_index;
  if (g.series.empty()) g.series_index.clear();  // a place in nothing
  complete_from_name(about, g, warnings);
  if (!same_book) return;
  if (!about.series.empty() && about.series_index_text.empty()) {
    about.series_index_text = place;
    about.series_index = series_number(place);
  }
  if (!g.asin.empty() && !has_identifier(about, "asin")) about.identifiers.emplace_back("asin", g.asin);
  bool narrated =
      std::any_of(about.contributors.begin(), about.contributors.end(), [](const person& p) { return p.role == "nrt"; });
  if (!g.narrator.empty() && !narrated) about.contributors.push_back({g.narrator, author_sort(g.narrator), "nrt"});
}

void take_chapters(metadata& about, const audio::tags& said, std::vector<chapter> found, std::vector<warning>& warnings) {
  if (found.empty()) found = audio::vorbis_chapters(said);
  if (found.empty()) found = audio::marked_chapters(said, warnings);
  about.chapters = audio::in_order(std::move(found), about.duration, warnings);
}

result<opened, refusal> read(int descriptor, const kind& what, reader read_sound, const std::string& file_name,
                             const limits& limit, std::vector<warning> warnings) {
  audio::source in{descriptor, size_of(descriptor)};
  in.hash_wanted = in.size <= limit.hashed_audio;
  opened out;
  out.format = what.format;
  audio::tags said(warnings);
  result<audio::sound, refusal> heard = read_sound(in, said);
  if (!heard) return heard.error();
  metadata& about = out.about;
  about = audio::describe(said, warnings);
  about.drm = heard->drm;
  if (about.drm.empty() && what.format == "aax") about.drm = "audible";
  // Whoever may not listen may still own it, so a length that protection hides is no fault.
  bool playable = heard->duration > 0 && heard->duration <= longest_sound;
  if (!playable && about.drm.empty()) return audio::unreadable();
  about.duration = playable ? heard->duration : 0;
  if (!about.drm.empty()) warn(warnings, "drm_protected", about.drm);
  take_chapters(about, said, std::move(heard->chapters), warnings);
  out.content_hash = std::move(heard->hash);
  if (!said.picture().empty()) out.cover = usable_cover(said.picture(), "", true, warnings);
  complete(about, file_name, warnings);
  out.warnings = std::move(warnings);
  return out;
}

}  // namespace

result<opened, refusal> open_audio(int descriptor, const kind& what, const std::string& file_name, const limits& limit,
                                   std::vector<warning> warnings) {
  reader read_sound = reader_of(what.format);
  try {
    return read(descriptor, what, read_sound, file_name, limit, std::move(warnings));
  } catch (const std::bad_alloc&) {
    throw;  // the process that reads for others tells them that its memory did not suffice
  } catch (const std::exception&) {
    return audio::unreadable();  // a size in the file that fits nowhere inside TagLib
  }
}

}  // namespace carrel::publication

// FLAC in its own container.

#include <taglib/flacfile.h>
#include <taglib/flacpicture.h>
#include <taglib/flacproperties.h>
#include <taglib/id3v2framefactory.h>
#include <taglib/xiphcomment.h>

#include "publication/audio/id3.hpp"
#include "publication/audio/library.hpp"
#include "publication/audio/mpeg.hpp"
#include "publication/audio/sound.hpp"
#include "publication/file_bytes.hpp"

namespace carrel::publication::audio {
namespace {

constexpr std::size_t most_reads = 20'000;

// Where the last of the blocks before the sound ends; 0 when they leave the file.
std::uint64_t end_of_blocks(int descriptor, range where) {
  constexpr int most_blocks = 10'000;
  std::uint64_t at = where.begin + 4;
  for (int i = 0; i < most_blocks; ++i) {
    std::string head = read_at(descriptor, at, 4);
    at += 4 + big_endian(head, 1, 3);
    if (head.size() < 4 || at > where.end) return 0;
    if ((head[0] & 0x80) != 0) return at;
  }
  return 0;
}

}  // namespace

result<sound, refusal> read_flac(const source& in, tags& out) {
  // TagLib sees it from its own first byte on, so that an ID3 tag before it is read as id3.hpp does.
  range where{end_of_id3(in.descriptor, 0), in.size};
  sound found;
  if (where.begin > 0) read_id3(in.descriptor, {0, where.begin}, out, found.chapters);
  std::uint64_t begins = end_of_blocks(in.descriptor, where);
  if (begins == 0) return unreadable();
  bounded_stream stream(in.descriptor, where, most_reads);
  TagLib::FLAC::File file(&stream, TagLib::ID3v2::FrameFactory::instance(), true);
  if (stream.refused_a_block()) out.refuse_picture();
  if (!file.isValid() || file.audioProperties() == nullptr) return unreadable();
  found.duration = file.audioProperties()->lengthInMilliseconds();
  if (const TagLib::Ogg::XiphComment* comment = file.xiphComment()) add_comment(*comment, out);
  for (const TagLib::FLAC::Picture* p : file.pictureList()) {
    out.add_picture(bytes_of(p->data()), p->type() == TagLib::FLAC::Picture::FrontCover);
  }
  if (in.hash_wanted) found.hash = hash_of(in.descriptor, {{begins, end_of_sound(in.descriptor, {begins, in.size})}});
  return found;
}

}  // namespace carrel::publication::audio

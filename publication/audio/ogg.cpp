// Ogg with Vorbis, Opus or FLAC in it.

#include <taglib/oggflacfile.h>
#include <taglib/opusfile.h>
#include <taglib/vorbisfile.h>

#include <algorithm>
#include <optional>

#include "publication/audio/library.hpp"
#include "publication/audio/sound.hpp"
#include "publication/file_bytes.hpp"
#include "server/core/digest.hpp"

namespace carrel::publication::audio {
namespace {

constexpr std::size_t page_head = 27, longest_page = page_head + 255 + 255 * 255;
constexpr std::size_t most_reads = 100'000;

struct page {
  range whole, payload;
  std::uint64_t serial = 0, granule = 0;
  std::string lengths;  // of the payload's parts; what is shorter than 255 ends a packet
};

std::optional<page> parse_page(std::string_view head, std::uint64_t at) {
  if (head.size() < page_head || !head.starts_with(std::string_view("OggS\0", 5))) return std::nullopt;
  page out;
  out.granule = little_endian(head, 6, 8);
  out.serial = little_endian(head, 14, 4);
  auto parts = static_cast<std::size_t>(big_endian(head, 26, 1));
  if (head.size() < page_head + parts) return std::nullopt;
  out.lengths = std::string(head.substr(page_head, parts));
  out.payload.begin = out.payload.end = at + page_head + parts;
  for (char c : out.lengths) out.payload.end += static_cast<unsigned char>(c);
  out.whole = {at, out.payload.end};
  return out;
}

struct codec {
  enum class kind { vorbis, opus, flac } what = kind::vorbis;
  std::uint64_t serial = 0, rate = 0, skipped = 0;  // samples at the beginning that are not heard
  std::uint64_t headers = 0;                        // packets before the sound
};

std::optional<codec> codec_of(int descriptor) {
  std::string head = read_at(descriptor, 0, page_head + 255 + 64);
  std::optional<page> first = parse_page(head, 0);
  if (!first) return std::nullopt;
  std::string_view packet =
      std::string_view(head).substr(std::min<std::size_t>(head.size(), static_cast<std::size_t>(first->payload.begin)));
  codec out;
  out.serial = first->serial;
  if (packet.starts_with("OpusHead")) {
    out.what = codec::kind::opus;
    out.rate = 48'000;
    out.skipped = little_endian(packet, 10, 2);
    out.headers = 2;
  } else if (packet.starts_with("\1vorbis")) {
    out.rate = little_endian(packet, 12, 4);
    out.headers = 3;
  } else if (packet.starts_with("\x7f"
                                "FLAC")) {
    out.what = codec::kind::flac;
    constexpr std::size_t rate_at = 9 + 4 + 4 + 10;  // in STREAMINFO behind Ogg's own words
    out.rate = big_endian(packet, rate_at, 3) >> 4;
    out.headers = 1 + big_endian(packet, 7, 2);
  } else {
    return std::nullopt;
  }
  return out;
}

// The position that the last page of the stream tells; the last page may stand before those of other streams.
std::uint64_t last_granule(const source& in, std::uint64_t serial) {
  constexpr std::uint64_t unknown = ~std::uint64_t{0}, farthest = 4 * longest_page;
  std::uint64_t from = in.size - std::min(in.size, farthest);
  std::string tail = read_at(in.descriptor, from, static_cast<std::size_t>(in.size - from));
  for (std::size_t at = tail.rfind("OggS"); at != std::string::npos;
       at = at == 0 ? std::string::npos : tail.rfind("OggS", at - 1)) {
    std::optional<page> p = parse_page(std::string_view(tail).substr(at), from + at);
    if (p && p->serial == serial && p->granule != unknown && p->whole.end <= in.size) return p->granule;
  }
  return 0;
}

// Leaves out what is still header of this page's payload.
void leave_headers(page& p, std::uint64_t& headers) {
  for (std::size_t i = 0; i < p.lengths.size() && headers > 0; ++i) {
    auto part = static_cast<unsigned char>(p.lengths[i]);
    p.payload.begin += part;
    if (part < 255) --headers;
  }
}

// Every page is looked at, so a file that is damaged in the middle is not taken for the same as another.
std::string hash_of_pages(const source& in, std::uint64_t headers) {
  digest all(digest_kind::sha256);
  all.update(hash_begins);
  window file(in.descriptor, in.size);
  std::uint64_t at = 0, hashed = 0;
  while (at < in.size) {
    std::optional<page> p = parse_page(file.at(at, page_head + 255), at);
    if (!p || p->whole.end > in.size) return {};
    at = p->whole.end;
    leave_headers(*p, headers);
    all.update(file.at(p->payload.begin, static_cast<std::size_t>(p->payload.size())));
    hashed += p->payload.size();
  }
  return hashed == 0 ? std::string() : all.hex();
}

template <class File>
void read_comment(const source& in, tags& out) {
  bounded_stream stream(in.descriptor, {0, in.size}, most_reads);
  File file(&stream, false);
  if (stream.refused_a_block()) out.refuse_picture();
  if (file.isValid() && file.tag() != nullptr) add_comment(*file.tag(), out);
}

}  // namespace

result<sound, refusal> read_ogg(const source& in, tags& out) {
  std::optional<codec> what = codec_of(in.descriptor);
  if (!what || what->rate == 0) return unreadable();
  sound found;
  std::uint64_t last = last_granule(in, what->serial);
  constexpr std::uint64_t longest = std::uint64_t{1} << 50;
  if (last > what->skipped && last < longest)
    found.duration = static_cast<std::int64_t>(((last - what->skipped) * 1000 + what->rate / 2) / what->rate);
  switch (what->what) {
    case codec::kind::vorbis: read_comment<TagLib::Ogg::Vorbis::File>(in, out); break;
    case codec::kind::opus: read_comment<TagLib::Ogg::Opus::File>(in, out); break;
    case codec::kind::flac: read_comment<TagLib::Ogg::FLAC::File>(in, out); break;
  }
  if (in.hash_wanted && found.duration > 0) found.hash = hash_of_pages(in, what->headers);
  return found;
}

}  // namespace carrel::publication::audio

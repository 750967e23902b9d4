#include "publication/audio/id3.hpp"

#include <taglib/id3v1genres.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "publication/file_bytes.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::audio {
namespace {

constexpr std::size_t header_size = 10, most_frames = 20'000, largest_frame = largest_picture + 4096;

std::uint64_t seven_bit(std::string_view b, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 7 | (static_cast<unsigned char>(b[at + i]) & 0x7fu);
  return value;
}

bool is_seven_bit(std::string_view b) {
  return std::none_of(b.begin(), b.end(), [](char c) { return (static_cast<unsigned char>(c) & 0x80u) != 0; });
}

// A zero behind 0xff is only there so that no player takes the tag for sound ("unsynchronisation"). `after_ff` goes on from piece
// to piece.
void append_unstuffed(std::string_view raw, bool& after_ff, std::string& out) {
  for (char c : raw) {
    if (!(after_ff && c == '\0')) out += c;
    after_ff = c == '\xff';
  }
}

// The bytes of a tag in order.
class tag_bytes {
 public:
  tag_bytes(int descriptor, range where, bool stuffed) : descriptor_(descriptor), where_(where), stuffed_(stuffed) {}

  std::uint64_t left() const { return where_.size(); }  // with the zeros that will be left out
  range rest() const { return where_; }

  std::string take(std::size_t size) {
    if (!stuffed_) {
      std::string out = read_at(descriptor_, where_.begin, static_cast<std::size_t>(std::min<std::uint64_t>(size, left())));
      where_.begin += size;
      return out;
    }
    while (clear_.size() < size && left() > 0) {
      std::string raw = read_at(descriptor_, where_.begin, static_cast<std::size_t>(std::min<std::uint64_t>(64 << 10, left())));
      if (raw.empty()) break;
      where_.begin += raw.size();
      append_unstuffed(raw, after_ff_, clear_);
    }
    std::string out = clear_.substr(0, size);
    clear_.erase(0, size);
    return out;
  }

  void skip(std::uint64_t size) {
    if (!stuffed_) {
      where_.begin += size;
      return;
    }
    constexpr std::size_t step = 64 << 10;
    for (; size > 0 && !(clear_.empty() && left() == 0); size -= std::min<std::uint64_t>(size, step))
      take(static_cast<std::size_t>(std::min<std::uint64_t>(size, step)));
  }

 private:
  int descriptor_;
  range where_;
  bool stuffed_, after_ff_ = false;
  std::string clear_;
};

struct frame {
  std::string id;
  std::uint64_t size = 0;
  unsigned flags = 0;
};

bool is_frame_id(std::string_view id) {
  return !id.empty() &&
         std::all_of(id.begin(), id.end(), [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); });
}

// The names of version 2.2 that the table of 14.2 needs, by those that came after them.
std::string four_letters(std::string id) {
  static const std::map<std::string, std::string> known{
      {"TAL", "TALB"}, {"TT1", "TIT1"}, {"TT2", "TIT2"}, {"TT3", "TIT3"}, {"TP1", "TPE1"}, {"TP2", "TPE2"},
      {"TCM", "TCOM"}, {"TPB", "TPUB"}, {"TYE", "TYER"}, {"TCO", "TCON"}, {"TLA", "TLAN"}, {"TRK", "TRCK"},
      {"TPA", "TPOS"}, {"TXX", "TXXX"}, {"COM", "COMM"}, {"GP1", "GRP1"}, {"MVN", "MVNM"}, {"MVI", "MVIN"}};
  auto found = known.find(id);
  return found == known.end() ? id : found->second;
}

std::size_t frame_header_size(int version) { return version == 2 ? 6 : 10; }

std::optional<frame> frame_header(std::string_view head, int version) {
  std::size_t letters = version == 2 ? 3 : 4;
  if (head.size() < frame_header_size(version) || !is_frame_id(head.substr(0, letters))) return std::nullopt;
  frame out{.id = std::string(head.substr(0, letters)), .size = 0, .flags = 0};
  out.size = version == 4 ? seven_bit(head, 4) : big_endian(head, letters, letters);
  if (version > 2) out.flags = static_cast<unsigned>(big_endian(head, 8, 2));
  return out;
}

// iTunes wrote sizes of eight bits into version 2.4, where a byte has seven. The right one is that behind which something stands.
void mend_size(frame& f, std::string_view head, int descriptor, range rest) {
  std::uint64_t plain = big_endian(head, 4, 4);
  if (plain == f.size || plain > rest.size()) return;
  auto leads_on = [&](std::uint64_t size) {
    if (size > rest.size()) return false;
    std::string next =
        read_at(descriptor, rest.begin + size, static_cast<std::size_t>(std::min<std::uint64_t>(4, rest.size() - size)));
    return next.empty() || next[0] == '\0' || (next.size() == 4 && is_frame_id(next));
  };
  if (!is_seven_bit(head.substr(4, 4)) || (!leads_on(f.size) && leads_on(plain))) f.size = plain;
}

// What is in the frame, without what its flags put in front; nothing when it is packed or encrypted.
std::optional<std::string> content(const frame& f, int version, bool stuffed, std::string body) {
  std::size_t extra = 0;
  if (version == 3) {
    if ((f.flags & 0xc0) != 0) return std::nullopt;
    extra = (f.flags & 0x20) != 0 ? 1 : 0;
  } else if (version == 4) {
    if ((f.flags & 0x0c) != 0) return std::nullopt;
    if (stuffed || (f.flags & 0x02) != 0) {
      std::string clear;
      bool after_ff = false;
      append_unstuffed(body, after_ff, clear);
      body = std::move(clear);
    }
    extra = ((f.flags & 0x40) != 0 ? 1u : 0u) + ((f.flags & 0x01) != 0 ? 4u : 0u);
  }
  return body.erase(0, extra);
}

// A text up to its end mark, which is taken away with it.
std::string_view up_to_mark(std::string_view& rest, char encoding) {
  bool wide = encoding == 1 || encoding == 2;
  std::size_t step = wide ? 2 : 1;
  for (std::size_t i = 0; i + step <= rest.size(); i += step) {
    if (rest[i] != '\0' || (wide && rest[i + 1] != '\0')) continue;
    std::string_view out = rest.substr(0, i);
    rest.remove_prefix(i + step);
    return out;
  }
  std::string_view out = rest;
  rest = {};
  return out;
}

// "Latin 1" is read as what programs of its time wrote: Windows' code page, which has letters where Latin 1 has controls.
std::string utf8(std::string_view bytes, char encoding) {
  std::string out;
  const char* name = "windows-1252";
  if (encoding == 3) return std::string(bytes);
  if (encoding == 1 || encoding == 2) {
    bool little = encoding == 1;
    if (bytes.starts_with("\xff\xfe") || bytes.starts_with("\xfe\xff")) {
      little = bytes[0] == '\xff';
      bytes.remove_prefix(2);
    }
    name = little ? "UTF-16LE" : "UTF-16BE";
  }
  return convert_to_utf8(bytes, name, out) ? out : std::string();
}

// Genres by number: "17", "(17)", "(17)(22)Own words".
void add_genre(std::string_view text, tags& out) {
  auto add_number = [&](std::string_view digits) {
    std::optional<std::int64_t> number = digits.size() <= 3 ? to_integer(digits) : std::nullopt;
    if (!number || *number < 0 || *number > 255) return false;
    out.add("TCON", TagLib::ID3v1::genre(static_cast<int>(*number)).to8Bit(true));
    return true;
  };
  while (text.starts_with('(')) {
    std::size_t close = text.find(')');
    if (close == std::string_view::npos || !add_number(text.substr(1, close - 1))) break;
    text.remove_prefix(close + 1);
  }
  if (!add_number(trim(text))) out.add("TCON", std::string(text));
}

class id3_reader {
 public:
  id3_reader(int version, tags& out, std::vector<chapter>& chapters) : version_(version), out_(out), chapters_(chapters) {}

  void read(tag_bytes& bytes, int descriptor, bool stuffed) {
    for (std::size_t n = 0; n < most_frames; ++n) {
      std::string head = bytes.take(frame_header_size(version_));
      std::optional<frame> f = frame_header(head, version_);
      if (!f) break;
      if (version_ == 4) mend_size(*f, head, descriptor, bytes.rest());
      if (f->size > (stuffed && version_ < 4 ? bytes.left() + (64 << 10) : bytes.left())) break;
      if (!wanted(*f)) {
        bytes.skip(f->size);
        continue;
      }
      std::optional<std::string> body = content(*f, version_, stuffed, bytes.take(static_cast<std::size_t>(f->size)));
      if (body) add(f->id, *body);
    }
    order_chapters();
  }

 private:
  static bool is_picture(const std::string& id) { return id == "APIC" || id == "PIC"; }
  static bool is_text(const std::string& id) {
    return id[0] == 'T' || id == "COMM" || id == "COM" || id == "GRP1" || id == "GP1" || id == "MVNM" || id == "MVN" ||
           id == "MVIN" || id == "MVI";
  }

  bool wanted(const frame& f) {
    if (is_text(f.id)) {
      if (f.size > longest_text) warn(out_.warnings(), "metadata_truncated", f.id);
      return f.size <= longest_text;
    }
    if (is_picture(f.id) && f.size > largest_frame) out_.refuse_picture();
    return f.size <= largest_frame && (is_picture(f.id) || f.id == "CHAP" || f.id == "CTOC");
  }

  void add(const std::string& id, std::string_view body) {
    if (body.empty()) return;
    if (id == "CHAP") return add_chapter(body);
    if (id == "CTOC") return add_contents(body);
    if (is_picture(id)) return add_picture(body);
    std::string name = four_letters(id);
    char encoding = body[0];
    body.remove_prefix(1);
    if (name == "COMM") return add_comment(body, encoding);
    if (name == "TXXX") name += ":" + utf8(up_to_mark(body, encoding), encoding);
    while (!body.empty()) {
      std::string value = utf8(up_to_mark(body, encoding), encoding);
      if (name == "TCON")
        add_genre(value, out_);
      else
        out_.add(name, std::move(value));
    }
  }

  // Players keep their own notes in comments that have a name ("iTunNORM").
  void add_comment(std::string_view body, char encoding) {
    if (body.size() < 3) return;
    body.remove_prefix(3);  // its language
    std::string about = utf8(up_to_mark(body, encoding), encoding);
    if (about.starts_with("iTun")) return;
    out_.add(about.empty() ? "COMM" : "COMM:*", utf8(up_to_mark(body, encoding), encoding));
  }

  void add_picture(std::string_view body) {
    char encoding = body[0];
    body.remove_prefix(1);
    if (version_ == 2)
      body.remove_prefix(std::min<std::size_t>(3, body.size()));
    else
      up_to_mark(body, 0);
    if (body.empty()) return;
    constexpr char front_cover = 3;
    bool front = body[0] == front_cover;
    body.remove_prefix(1);
    up_to_mark(body, encoding);
    out_.add_picture(std::string(body), front);
  }

  // Its title is a frame inside; whatever else is there, further chapters among it, is passed over.
  void add_chapter(std::string_view body) {
    if (chapters_.size() > most_chapters) return;
    std::string element(up_to_mark(body, 0));
    if (body.size() < 16) return;
    chapter c{.title = {}, .start = static_cast<std::int64_t>(big_endian(body, 0, 4)), .end = 0};
    body.remove_prefix(16);
    while (std::optional<frame> f = frame_header(body, version_)) {
      body.remove_prefix(frame_header_size(version_));
      std::string_view inside = body.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(f->size, body.size())));
      body.remove_prefix(inside.size());
      if (f->id != "TIT2" || inside.size() > longest_text) continue;
      std::optional<std::string> text = content(*f, version_, false, std::string(inside));
      if (!text || text->empty()) continue;
      std::string_view words = std::string_view(*text).substr(1);
      c.title = utf8(up_to_mark(words, text->front()), text->front());
    }
    elements_.push_back(std::move(element));
    chapters_.push_back(std::move(c));
  }

  void add_contents(std::string_view body) {
    up_to_mark(body, 0);
    body.remove_prefix(std::min<std::size_t>(2, body.size()));
    while (!body.empty() && places_.size() <= most_chapters) places_.emplace(std::string(up_to_mark(body, 0)), places_.size());
  }

  // Those that the table of contents names first, in its order.
  void order_chapters() {
    std::vector<std::pair<std::size_t, chapter>> placed;
    for (std::size_t i = 0; i < elements_.size(); ++i) {
      auto found = places_.find(elements_[i]);
      placed.emplace_back(found == places_.end() ? places_.size() : found->second, std::move(chapters_[i]));
    }
    std::stable_sort(placed.begin(), placed.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (std::size_t i = 0; i < placed.size(); ++i) chapters_[i] = std::move(placed[i].second);
  }

  int version_;
  tags& out_;
  std::vector<chapter>& chapters_;
  std::vector<std::string> elements_;          // the names of the chapters in their order
  std::map<std::string, std::size_t> places_;  // of the names in the table of contents
};

bool is_header(std::string_view head) {
  return head.size() == header_size && head.starts_with("ID3") && head[3] != '\xff' && head[4] != '\xff' &&
         is_seven_bit(head.substr(6, 4));
}

}  // namespace

std::uint64_t end_of_id3(int descriptor, std::uint64_t begin) {
  std::string head = read_at(descriptor, begin, header_size);
  if (!is_header(head)) return begin;
  bool has_footer = head[3] == 4 && (head[5] & 0x10) != 0;
  return begin + header_size + seven_bit(head, 6) + (has_footer ? header_size : 0);
}

void read_id3(int descriptor, range where, tags& out, std::vector<chapter>& chapters) {
  std::string head = read_at(descriptor, where.begin, header_size);
  if (!is_header(head) || head[3] < 2 || head[3] > 4) return;
  int version = head[3];
  bool stuffed = (head[5] & 0x80) != 0, extended = version > 2 && (head[5] & 0x40) != 0;
  if (version == 2 && (head[5] & 0x40) != 0) return;  // packed in a way that was never defined
  where.begin += header_size;
  where.end = std::min(where.end, where.begin + seven_bit(head, 6));
  tag_bytes bytes(descriptor, where, stuffed && version < 4);
  if (extended) {
    std::string size = bytes.take(4);
    if (size.size() < 4) return;
    std::uint64_t more = version == 3 ? big_endian(size, 0, 4) : seven_bit(size, 0);
    bytes.skip(version == 3 ? more : more - std::min<std::uint64_t>(more, 4));
  }
  std::vector<chapter> found;
  id3_reader(version, out, found).read(bytes, descriptor, stuffed);
  chapters.insert(chapters.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
}

}  // namespace carrel::publication::audio

#include "mobi_maker.hpp"

#include <algorithm>

namespace carrel::publication::test {
namespace {

constexpr std::uint32_t none = 0xffffffff;

std::string number(std::uint32_t value) {  // seven bits a byte
  std::string out(1, static_cast<char>(0x80 | (value & 0x7f)));
  for (value >>= 7; value > 0; value >>= 7) out.insert(out.begin(), static_cast<char>(value & 0x7f));
  return out;
}

void put(std::string& record, std::size_t at, std::uint64_t value, std::size_t bytes = 4) {
  if (at + bytes <= record.size()) record.replace(at, bytes, big(value, bytes));
}

// A list of one record: the head with the rules of its tags, the entries, and the texts to which they point.
std::vector<std::string> make_index(const std::string& rules, const std::vector<std::string>& entries, const std::string& texts) {
  std::string head = "INDX" + std::string(188, '\0'), data = head, places = "IDXT";
  put(head, 4, 192);
  put(head, 24, 1);
  put(head, 28, 65001);
  put(head, 36, entries.size());
  put(head, 52, texts.empty() ? 0 : 1);
  head += "TAGX" + big(12 + rules.size(), 4) + big(1, 4) + rules;
  put(data, 4, 192);
  put(data, 12, 1);
  for (const std::string& e : entries) {
    places += big(data.size(), 2);
    data += e;
  }
  put(data, 20, data.size());
  put(data, 24, entries.size());
  std::vector<std::string> out{head, data + places};
  if (!texts.empty()) out.push_back(texts);
  return out;
}

std::string labelled(const std::string& label, char control, const std::string& values) {
  return std::string(1, static_cast<char>(label.size())) + label + control + values;
}

// As KindleGen writes it: every value of a frame twice.
std::vector<std::string> frame_index(const std::vector<frame>& frames) {
  std::vector<std::string> entries;
  std::uint32_t at = 0;
  for (const frame& f : frames) {
    auto count = static_cast<std::uint32_t>(f.pieces.size()), size = static_cast<std::uint32_t>(f.text.size());
    std::string place = number(at) + number(size), name = std::to_string(entries.size());
    entries.push_back(
        labelled("SKEL" + std::string(10 - name.size(), '0') + name, '\x0a', number(count) + number(count) + place + place));
    at += size;
    for (const auto& [where, text] : f.pieces) at += static_cast<std::uint32_t>(text.size());
  }
  return make_index(std::string("\1\1\3\0\6\2\x0c\0\0\0\0\1", 12), entries, "");
}

std::vector<std::string> piece_index(const std::vector<frame>& frames) {
  std::vector<std::string> entries;
  std::uint32_t at = 0;
  for (std::size_t n = 0; n < frames.size(); ++n) {
    std::uint32_t start = at, within = 0;
    at += static_cast<std::uint32_t>(frames[n].text.size());
    for (const auto& [where, text] : frames[n].pieces) {
      auto size = static_cast<std::uint32_t>(text.size());
      std::string label = std::to_string(start + where);
      entries.push_back(labelled(std::string(10 - label.size(), '0') + label, '\x0f',
                                 number(0) + number(static_cast<std::uint32_t>(n)) +
                                     number(static_cast<std::uint32_t>(entries.size())) + number(within) + number(size)));
      within += size;
      at += size;
    }
  }
  return make_index(std::string("\2\1\1\0\3\1\2\0\4\1\4\0\6\2\x08\0\0\0\0\1", 20), entries, "\x83P-1");
}

std::vector<std::string> chapter_index(const std::vector<chapter_mark>& chapters, bool kf8) {
  std::vector<std::string> entries;
  std::string texts;
  for (const chapter_mark& c : chapters) {
    int control = 0x0f;
    auto n = static_cast<std::uint32_t>(entries.size());
    std::string values = number(100 * n) + number(100) + number(static_cast<std::uint32_t>(texts.size())) + number(c.depth);
    if (c.last_child > 0) {
      control |= 0x30;
      values += number(c.first_child) + number(c.last_child);
    }
    if (kf8) {
      control |= 0x40;
      values += number(n % 2) + number(0);  // there are two pieces
    }
    entries.push_back(labelled(std::to_string(n), static_cast<char>(control), values));
    texts += number(static_cast<std::uint32_t>(c.title.size())) + c.title;
  }
  return make_index(std::string("\1\1\1\0\2\1\2\0\3\1\4\0\4\1\x08\0\x16\1\x10\0\x17\1\x20\0\6\2\x40\0\0\0\0\1", 32), entries,
                    texts);
}

// Codes of eight bits for every byte; that of 1 means "the ", spelt in codes.
std::vector<std::string> huffman_tables() {
  std::string huff = "HUFF" + big(24, 4) + big(24, 4) + big(24 + 1024, 4) + big(0, 8), phrases, offsets;
  for (int i = 0; i < 256; ++i) huff += big(255u << 8 | 0x80 | 8, 4);
  for (int i = 0; i < 32; ++i) huff += big(0, 4) + big(255, 4);
  huff.resize(2584);
  for (int i = 0; i < 256; ++i) {
    offsets += big(512 + phrases.size(), 2);
    std::string the;
    for (char c : std::string("the ")) the += static_cast<char>(255 - c);
    phrases += i == 1 ? big(4, 2) + the : big(0x8001, 2) + static_cast<char>(i);
  }
  return {huff, "CDIC" + big(16, 4) + big(256, 4) + big(8, 4) + offsets + phrases};
}

std::string huffman_packed(std::string text) {
  for (std::size_t at = text.find("the "); at != text.npos; at = text.find("the ", at)) text.replace(at, 4, "\1");
  for (char& c : text) c = static_cast<char>(255 - static_cast<unsigned char>(c));
  return text;
}

std::string exth_of(const std::vector<std::pair<std::uint32_t, std::string>>& values) {
  std::string list;
  for (const auto& [tag, value] : values) list += big(tag, 4) + big(value.size() + 8, 4) + value;
  std::string out = "EXTH" + big(list.size() + 12, 4) + big(values.size(), 4) + list;
  return out + std::string((4 - out.size() % 4) % 4, '\0');
}

}  // namespace

std::string palmdoc_packed(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t best = 0, distance = 0;
    for (std::size_t from = i > 2047 ? i - 2047 : 0; from < i; ++from) {
      std::size_t n = 0;
      while (n < 10 && i + n < text.size() && text[from + n] == text[i + n]) ++n;
      if (n > best) best = n, distance = i - from;
    }
    if (best >= 3) {
      out += big(0x8000 | distance << 3 | (best - 3), 2);
      i += best;
    } else if (text[i] == ' ' && i + 1 < text.size() && text[i + 1] >= 0x40 && text[i + 1] < 0x7f) {
      out += static_cast<char>(text[i + 1] | 0x80);
      i += 2;
    } else {
      if (static_cast<unsigned char>(text[i]) >= 0x80 || (text[i] > 0 && text[i] < 9)) out += '\1';
      out += text[i++];
    }
  }
  return out;
}

std::vector<std::string> mobi_book::records(std::size_t pictures_elsewhere) {
  bool kf8 = !frames.empty() || version >= 8;
  std::uint32_t v = kf8 ? std::max(version, 8u) : version;
  std::string text;
  for (const frame& f : frames) {
    text += f.text;
    for (const auto& [where, piece] : f.pieces) text += piece;
  }
  std::size_t documents = text.size();
  if (frames.empty()) text = markup;
  text += behind_frames;

  std::vector<std::string> out(1);
  for (std::size_t at = 0; at < text.size(); at += record_size) {
    std::string piece = text.substr(at, record_size);
    out.push_back(compression == 2 ? palmdoc_packed(piece) : compression == 17480 ? huffman_packed(piece) : piece);
  }
  std::size_t texts = out.size() - 1;
  auto append = [&out](const std::vector<std::string>& more) {
    std::size_t first = out.size();
    out.insert(out.end(), more.begin(), more.end());
    return first;
  };
  std::size_t huff = compression == 17480 ? append(huffman_tables()) : none;
  std::size_t skeletons = frames.empty() ? none : append(frame_index(frames));
  std::size_t fragments = frames.empty() ? none : append(piece_index(frames));
  std::size_t contents = chapters.empty() ? none : append(chapter_index(chapters, kf8));
  std::size_t words =
      dictionary ? append(make_index(std::string("\1\1\1\0\0\0\0\1", 8), {labelled("word", '\1', number(1))}, "")) : none;
  first_picture = pictures_elsewhere > 0 ? pictures_elsewhere : out.size();
  append(pictures);
  std::size_t sections = none;
  if (kf8 && !frames.empty()) {
    sections = append({"FDST" + big(12, 4) + big(behind_frames.empty() ? 1 : 2, 4) + big(0, 4) + big(documents, 4) +
                       (behind_frames.empty() ? "" : big(documents, 4) + big(text.size(), 4))});
  }
  append({"FLIS" + big(8, 4) + std::string(28, '\0'), "FCIS" + big(20, 4) + std::string(36, '\0'), "\xe9\x8e\r\n"});

  std::uint32_t length = header_length > 0 ? header_length : kf8 ? 264 : 232;
  std::string head(16 + length, '\0');
  put(head, 0, static_cast<std::uint64_t>(compression), 2);
  put(head, 4, text.size());
  put(head, 8, texts, 2);
  put(head, 10, record_size, 2);
  put(head, 12, static_cast<std::uint64_t>(encryption), 2);
  head.replace(16, 4, "MOBI");
  put(head, 20, length);
  put(head, 24, 2);
  put(head, 28, encoding);
  put(head, 32, 4711);
  put(head, 36, v);
  for (std::size_t at = 40; at < 80; at += 4) put(head, at, none);
  put(head, 40, words);
  put(head, 80, texts + 1);
  put(head, 88, full_name.size());
  put(head, 92, locale);
  put(head, 104, v);
  put(head, 108, pictures.empty() && pictures_elsewhere == 0 ? none : first_picture);
  put(head, 112, huff == none ? 0 : huff);
  put(head, 116, huff == none ? 0 : 2);
  put(head, 128, exth.empty() ? 0 : 0x40);
  put(head, 168, none);
  put(head, 192, kf8 ? sections : 1u << 16 | texts);
  put(head, 196, sections == none || behind_frames.empty() ? 1 : 2);
  put(head, 224, none);
  put(head, 244, contents);
  put(head, 248, kf8 ? fragments : none);
  put(head, 252, kf8 ? skeletons : none);
  put(head, 256, none);
  put(head, 260, none);
  std::string values = exth.empty() ? "" : exth_of(exth);
  put(head, 84, head.size() + values.size());
  out[0] = head + values + full_name + std::string(32, '\0');
  return out;
}

std::string mobi_book::bytes() { return make_palm(records()); }

mobi_book kf8_book() {
  mobi_book b;
  std::string open = "<html xmlns='http://www.w3.org/1999/xhtml'><head><title>t</title></head><body>", close = "</body></html>";
  b.frames = {{open + close, {{open.size(), "<p>One. "}, {open.size() + 8, "Two.</p>"}}}, {open + "<p>Three.</p>" + close, {}}};
  return b;
}

std::string make_hybrid(mobi_book older, mobi_book newer) {
  older.exth.emplace_back(121, big(0, 4));
  std::vector<std::string> all = older.records();
  older.exth.back().second = big(all.size() + 1, 4);
  all = older.records();
  newer.pictures.clear();
  std::vector<std::string> more = newer.records(older.first_picture);
  all.push_back("BOUNDARY");
  all.insert(all.end(), more.begin(), more.end());
  return make_palm(all);
}

std::string make_palm(const std::vector<std::string>& records, const std::string& type) {
  std::string out = "Carrel test" + std::string(21, '\0') + big(0, 4) + big(0x58000000, 4) + big(0x58000000, 4) +
                    std::string(16, '\0') + type + big(2 * records.size() + 1, 4) + big(0, 4) + big(records.size(), 2);
  std::size_t at = 80 + 8 * records.size();
  for (std::size_t i = 0; i < records.size(); ++i) {
    out += big(at, 4) + big(2 * i, 4);
    at += records[i].size();
  }
  out += std::string(2, '\0');
  for (const std::string& r : records) out += r;
  return out;
}

std::string make_palmdoc(const std::string& text, int compression) {
  std::vector<std::string> records(1);
  for (std::size_t at = 0; at < text.size(); at += 4096) {
    std::string piece = text.substr(at, 4096);
    records.push_back(compression == 2 ? palmdoc_packed(piece) : piece);
  }
  records[0] = big(static_cast<std::uint64_t>(compression), 2) + big(0, 2) + big(text.size(), 4) + big(records.size() - 1, 2) +
               big(4096, 2) + big(0, 4);
  return make_palm(records, "TEXtREAd");
}

}  // namespace carrel::publication::test

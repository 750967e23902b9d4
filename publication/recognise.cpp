// ingest.md 8: content first, extension second.

#include "publication/recognise.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <span>

#include "publication/audio/id3.hpp"
#include "publication/big_endian.hpp"
#include "publication/file_bytes.hpp"
#include "publication/mobi/mobi.hpp"
#include "publication/names.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

constexpr std::size_t head_size = 64 << 10;
constexpr std::size_t longest_end_record = 22 + 65535;

bool at(std::string_view head, std::size_t offset, std::string_view magic) {
  return head.size() >= offset + magic.size() && head.substr(offset, magic.size()) == magic;
}

// Decides by what is in front of the root element; comments and processing instructions are skipped.
std::string root_name(std::string_view text) {
  for (std::size_t i = text.find('<'); i != std::string_view::npos; i = text.find('<', i)) {
    std::string_view rest = text.substr(i);
    std::string_view close;
    if (rest.starts_with("<?")) close = "?>";
    if (rest.starts_with("<!--")) close = "-->";
    if (rest.starts_with("<!D") || rest.starts_with("<!d")) close = ">";
    if (close.empty()) {
      std::string_view name = rest.substr(1, std::min(rest.find_first_of(" \t\r\n/>"), rest.size()) - 1);
      std::size_t colon = name.find(':');
      return std::string(colon == std::string_view::npos ? name : name.substr(colon + 1));
    }
    std::size_t end = text.find(close, i);
    // An internal subset has '>' of its own; what follows its ']' counts.
    if (close == ">" && rest.substr(0, rest.find('>')).find('[') != std::string_view::npos) end = text.find("]>", i);
    if (end == std::string_view::npos) return {};
    i = end + close.size();
  }
  return {};
}

bool only_blanks_before(std::string_view text, std::size_t end) { return trim(text.substr(0, end)).empty(); }

bool starts_like_xml(std::string_view text) {
  std::size_t first = text.find('<');
  return first != std::string_view::npos && only_blanks_before(text, first) && first + 1 < text.size() &&
         (text[first + 1] == '?' || text[first + 1] == '!' || (text[first + 1] >= 'A' && text[first + 1] <= 'z'));
}

bool has_wide_mark(std::string_view head) {
  using namespace std::string_view_literals;
  return head.starts_with("\xff\xfe") || head.starts_with("\xfe\xff") || head.starts_with("\0\0\xfe\xff"sv);
}

bool is_text(std::string_view head) {
  if (has_wide_mark(head)) {  // the bytes of ordinary letters look like control characters
    decoded wide = decode_xml(head);
    return !wide.text.empty() && (wide.controls + wide.invalid) * 100 <= wide.text.size();
  }
  decoded d = decode_xml(head.substr(0, head.size() == head_size ? cut_utf8(head, head_size - 4).size() : head.size()));
  std::size_t controls = 0;
  for (char c : head) {
    bool control = is_control(c) && c != '\t' && c != '\n' && c != '\r' && c != '\f';
    if (control && !(c == '\0' && d.declared)) ++controls;
  }
  return !head.empty() && controls * 100 <= head.size();
}

refusal unsupported(std::string what) { return {"unsupported_type", std::move(what)}; }

bool has_extension(std::string_view path, std::span<const std::string_view> list) {
  std::size_t dot = path.rfind('.');
  if (dot == std::string_view::npos) return false;
  std::string extension = lower_ascii(path.substr(dot + 1));
  return std::find(list.begin(), list.end(), extension) != list.end();
}

constexpr std::array<std::string_view, 9> image_extensions{"jpg", "jpeg", "png", "webp", "gif", "avif", "bmp", "jxl", "tiff"};
constexpr std::array<std::string_view, 3> page_extensions{"xhtml", "html", "htm"};
constexpr std::array<std::string_view, 15> book_extensions{"epub", "pdf", "mobi", "azw", "azw3", "cbz",  "cbr", "cb7",
                                                           "fb2",  "txt", "mp3",  "m4b", "m4a",  "djvu", "rtf"};

bool is_junk(std::string_view path) {
  return path.starts_with("__MACOSX/") || path.ends_with("/") || path.ends_with(".DS_Store") || path.ends_with("Thumbs.db") ||
         path.substr(path.rfind('/') + 1).starts_with("._");
}

// 8.2
result<std::string, refusal> zip_format(archive& zip, const std::string& extension) {
  if (const archive_entry* e = zip.find("mimetype")) {
    result<std::string, refusal> mime = zip.read(*e, 1024, "archive_entry_too_large");
    if (mime && trim(*mime) == "application/epub+zip") return std::string("epub");
  }
  if (zip.find("META-INF/container.xml") != nullptr) return std::string("epub");
  std::size_t packages = 0, images = 0, pages = 0, books = 0;
  for (const archive_entry& e : zip.entries()) {
    if (is_junk(e.name)) continue;
    constexpr std::array<std::string_view, 1> opf{"opf"};
    packages += has_extension(e.name, opf);
    images += is_image_name(e.name);
    pages += has_extension(e.name, page_extensions);
    books += has_extension(e.name, book_extensions);
  }
  if (packages == 1) return std::string("epub");
  if (fiction_book_in(zip) != nullptr) return std::string("fbz");
  if (zip.find("[Content_Types].xml") != nullptr) return unsupported("an Office document");
  // Whoever calls it a comic may have put a page of credits in.
  if (images > 0 && (pages == 0 || extension == "cbz")) return std::string("cbz");
  if (books > (extension == "cbz" ? 1u : 0u)) return unsupported("unpack this archive first");
  if (extension == "cbz") return refusal{"comic_no_pages", ""};
  if (extension == "epub" || extension == "kepub.epub" || extension == "kepub") return refusal{"epub_no_package", ""};
  return unsupported("an archive without a book");
}

// Looks for sound and picture tracks in `moov`, wherever it stands among the top-level boxes.
result<std::string, refusal> mp4_format(int descriptor, std::uint64_t size, std::string_view head, const std::string& extension) {
  std::string_view brand = head.substr(8, 4);
  if (brand == "M4B " || brand == "M4BP") return std::string("m4b");
  if (brand == "M4A " || brand == "M4P ") return std::string(extension == "m4b" ? "m4b" : "m4a");
  if (brand == "aax ") return std::string("aax");
  if (brand == "avif" || brand == "avis" || brand == "heic" || brand == "heix" || brand == "mif1" || brand == "crx ") {
    return unsupported("a picture");
  }
  std::uint64_t place = 0;
  for (int i = 0; i < 64 && place + 8 <= size; ++i) {
    std::string box = read_at(descriptor, place, 16);
    std::uint64_t length = big_endian(box, 0, 4);
    if (length == 1) length = big_endian(box, 8, 8);
    if (length == 0) length = size - place;
    if (length < 8 || length > size - place) break;
    if (at(box, 4, "moov")) {
      std::string moov = read_at(descriptor, place, static_cast<std::size_t>(std::min<std::uint64_t>(length, 4 << 20)));
      if (moov.find("soun") != std::string::npos && moov.find("vide") == std::string::npos) {
        return std::string(extension == "m4b" ? "m4b" : "m4a");
      }
      return unsupported("a video");
    }
    place += length;
  }
  if (extension == "m4b" || extension == "m4a") return std::string(extension);
  return unsupported("a video");
}

// What stands behind an ID3 tag: MP3, or FLAC that some program put the tag of the other before.
std::string format_behind_id3(int descriptor) {
  return read_at(descriptor, audio::end_of_id3(descriptor, 0), 4) == "fLaC" ? "flac" : "mp3";
}

std::string audio_format(int descriptor, std::string_view head) {
  if (at(head, 0, "fLaC")) return "flac";
  if (at(head, 0, "OggS")) return head.substr(0, 128).find("OpusHead") != std::string_view::npos ? "opus" : "ogg";
  if (at(head, 0, "RIFF") && at(head, 8, "WAVE")) return "wav";
  if (at(head, 0, "\x30\x26\xb2\x75")) return "wma";
  if (at(head, 4, "\x57\x90\x75\x36")) return "aa";
  if (at(head, 0, "ID3")) return format_behind_id3(descriptor);
  // An MPEG frame header: sync, then layer and bit rate that exist.
  if (head.size() > 2 && head[0] == '\xff' && (head[1] & 0xe6) == 0xe2 && (head[2] & 0xf0) != 0xf0) return "mp3";
  return {};
}

result<std::string, refusal> text_format(std::string_view head, const std::string& extension) {
  std::string text = decode_xml(head).text;
  if (starts_like_xml(text)) {
    std::string root = root_name(text);
    if (root == "FictionBook") return std::string("fb2");
    if (root == "fulfillmentToken") return unsupported("this is an Adobe download ticket, not a book");
    std::string start = lower_ascii(trim(text).substr(0, 16));
    if (equal_ascii_case(root, "html") || start.starts_with("<html") || start.starts_with("<!doctype html")) {
      return unsupported("this looks like a web page");
    }
  }
  if ((extension == "txt" || extension == "text" || extension == "md") && is_text(head)) return std::string("txt");
  if (text.starts_with("{\\rtf")) return unsupported("a rich text document");
  return unsupported("");
}

// Which extensions a format may honestly have; the first of several dots counts for kepub.epub and fb2.zip.
bool extension_fits(const std::string& format, const std::string& e) {
  struct family {
    std::string_view format;
    std::array<std::string_view, 6> extensions;
  };
  static constexpr std::array<family, 14> families{{{"epub", {"epub", "kepub", "kepub.epub"}},
                                                    {"cbz", {"cbz", "zip"}},
                                                    {"cbr", {"cbr", "rar"}},
                                                    {"cb7", {"cb7", "7z"}},
                                                    {"cbt", {"cbt", "tar"}},
                                                    {"fbz", {"fbz", "fb2.zip", "zip"}},
                                                    {"fb2", {"fb2", "xml"}},
                                                    {"mobi", {"mobi", "prc", "azw", "azw3", "pdb"}},
                                                    {"azw3", {"azw3", "azw", "mobi", "kf8", "prc"}},
                                                    {"txt", {"txt", "text", "md"}},
                                                    {"m4b", {"m4b", "m4a", "mp4"}},
                                                    {"m4a", {"m4a", "m4b", "mp4", "aac"}},
                                                    {"ogg", {"ogg", "oga", "opus"}},
                                                    {"opus", {"opus", "ogg", "oga"}}}};
  if (e.empty() || e == format) return true;
  for (const family& f : families) {
    if (f.format == format) return std::find(f.extensions.begin(), f.extensions.end(), e) != f.extensions.end();
  }
  return false;
}

// No magic at the beginning, but a table of contents at the end: a ZIP with something in front of it or cut at the front.
bool ends_like_zip(int descriptor, std::uint64_t size) {
  std::uint64_t from = size > longest_end_record ? size - longest_end_record : 0;
  return read_at(descriptor, from, static_cast<std::size_t>(size - from)).rfind("PK\5\6") != std::string::npos;
}

std::string gibibytes(std::uint64_t bytes) {
  std::uint64_t tenths = bytes / ((1ULL << 30) / 10);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " GiB";
}

refusal oversized(std::uint64_t size, std::uint64_t most) {
  return {"file_too_large", gibibytes(size) + "; the limit is " + gibibytes(most)};
}

result<std::string, refusal> format_of(int descriptor, std::uint64_t size, std::string_view head, const std::string& extension,
                                       const limits& limit, std::unique_ptr<archive>& zip) {
  if (at(head, 0, "PK\3\4") || at(head, 0, "PK\5\6") || at(head, 0, "PK\7\10")) {
    result<std::unique_ptr<archive>, refusal> opened =
        archive::open(descriptor, limit, std::max(limit.unpacked, limit.comic_unpacked));
    if (!opened) return opened.error();
    zip = std::move(*opened);
    return zip_format(*zip, extension);
  }
  if (head.substr(0, 1024).find("%PDF-") != std::string_view::npos) return std::string("pdf");
  if (at(head, 0, "Rar!\x1a\x07")) return std::string("cbr");
  if (at(head, 0, "7z\xbc\xaf\x27\x1c")) return std::string("cb7");
  if (at(head, 60, "BOOKMOBI") || at(head, 60, "TEXtREAd")) return mobi::format_of(descriptor);
  if (at(head, 60, "TPZ") || at(head, 0, "TPZ")) return unsupported("a Topaz book of an old Kindle");
  if (at(head, 0,
         "\xea"
         "DRMION\xee") ||
      at(head, 0, "CONT"))
    return unsupported("a KFX book of a Kindle");
  if (at(head, 0, "ITOLITLS")) return unsupported("a Microsoft Reader (LIT) book");
  if (at(head, 0, "AT&TFORM")) return unsupported("a DjVu document");
  if (at(head, 257, "ustar")) return std::string("cbt");
  if (at(head, 4, "ftyp")) return mp4_format(descriptor, size, head, extension);
  if (std::string audio = audio_format(descriptor, head); !audio.empty()) return audio;
  static constexpr std::array<std::string_view, 4> zips{"epub", "kepub", "kepub.epub", "cbz"};
  if (std::find(zips.begin(), zips.end(), extension) != zips.end() && ends_like_zip(descriptor, size)) {
    return refusal{"archive_corrupt", ""};
  }
  return text_format(head, extension);
}

}  // namespace

std::optional<refusal> too_large(std::uint64_t size, const limits& limit) {
  std::uint64_t most = std::max(limit.file_size, limit.audio_file_size);
  return size > most ? std::optional(oversized(size, most)) : std::nullopt;
}

const archive_entry* fiction_book_in(const archive& zip) {
  constexpr std::array<std::string_view, 1> fb2{"fb2"};
  const archive_entry* found = nullptr;
  for (const archive_entry& e : zip.entries()) {
    if (is_junk(e.name) || !has_extension(e.name, fb2)) continue;
    if (found != nullptr) return nullptr;
    found = &e;
  }
  return found;
}

bool is_image_name(std::string_view path) { return has_extension(path, image_extensions); }

result<recognised, refusal> examine(int descriptor, const std::string& file_name, const limits& limit,
                                    std::vector<warning>& warnings) {
  struct stat st {};
  if (::fstat(descriptor, &st) != 0) return refusal{"source_unreadable", ""};
  if (!S_ISREG(st.st_mode)) return refusal{"not_a_regular_file", ""};
  if (st.st_size == 0) return refusal{"empty_file", ""};
  auto size = static_cast<std::uint64_t>(st.st_size);
  if (std::optional<refusal> bad = too_large(size, limit)) return *bad;

  std::string head = read_at(descriptor, 0, head_size);
  std::string extension = file_extension(file_name);
  recognised out;
  result<std::string, refusal> format = format_of(descriptor, size, head, extension, limit, out.zip);
  if (!format) return format.error();
  const kind* k = find_kind(*format);
  CARREL_EXPECT(k != nullptr);
  out.what = *k;

  std::uint64_t most = k->family == "audio" ? limit.audio_file_size : limit.file_size;
  if (size > most) return oversized(size, most);
  if (out.zip && k->family != "comic" && out.zip->declared_size() > limit.unpacked) {
    return refusal{"archive_too_large", "more than " + std::to_string(limit.unpacked >> 20) + " MiB"};
  }
  if (!extension_fits(k->format, extension)) warn(warnings, "extension_mismatch", extension + ", the content is " + k->format);
  return out;
}

result<kind, refusal> recognise(int descriptor, const std::string& file_name, const limits& limit,
                                std::vector<warning>& warnings) {
  result<recognised, refusal> found = examine(descriptor, file_name, limit, warnings);
  if (!found) return found.error();
  return found->what;
}

}  // namespace carrel::publication

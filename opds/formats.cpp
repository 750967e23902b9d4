#include "opds/formats.hpp"

#include <algorithm>
#include <array>

namespace carrel::opds {
namespace {

constexpr std::array table{
    format{"epub", "application/epub+zip", "EPUB"},
    format{"kepub", "application/kepub+zip", "KEPUB"},
    format{"fb2", "application/x-fictionbook+xml", "FB2"},
    format{"fbz", "application/fb2+zip", "FB2"},
    format{"azw3", "application/vnd.amazon.mobi8-ebook", "AZW3"},
    format{"mobi", "application/x-mobipocket-ebook", "MOBI"},
    format{"azw", "application/vnd.amazon.ebook", "AZW"},
    format{"pdf", "application/pdf", "PDF"},
    format{"djvu", "image/vnd.djvu", "DJVU"},
    format{"cbz", "application/vnd.comicbook+zip", "CBZ"},
    format{"cbr", "application/vnd.comicbook-rar", "CBR"},
    format{"cb7", "application/x-cb7", "CB7"},
    format{"cbt", "application/vnd.comicbook+tar", "CBT"},
    format{"txt", "text/plain", "TXT"},
    format{"rtf", "application/rtf", "RTF"},
    format{"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "DOCX"},
    format{"htmlz", "application/html+zip", "HTMLZ"},
    format{"m4b", "audio/mp4", "M4B audiobook"},
    format{"m4a", "audio/mp4", "M4B audiobook"},
    format{"mp3", "audio/mpeg", "MP3 audiobook"},
    format{"audiobook", "application/audiobook+zip", "Audiobook"},
};

const format* named(std::string_view name) {
  auto found = std::find_if(table.begin(), table.end(), [&](const format& f) { return f.name == name; });
  return found == table.end() ? nullptr : &*found;
}

}  // namespace

const format* format_of(const library::book_file& file) {
  if (file.is_kepub) return named("kepub");
  if (file.format == "fb2" && (file.download_name.ends_with(".fbz") || file.download_name.ends_with(".fb2.zip")))
    return named("fbz");
  return named(file.format);
}

std::string media_type(const library::book_file& file) {
  if (const format* f = format_of(file)) return std::string(f->type);
  return file.mime.empty() ? "application/octet-stream" : file.mime;
}

}  // namespace carrel::opds

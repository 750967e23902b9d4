#include <algorithm>

#include "publication/open.hpp"

namespace carrel::publication {

// opds.md 5.8, and the audio types of ingest.md 8.1 and 14.2.
const std::vector<kind>& kinds() {
  static const std::vector<kind> all{
      {"epub", ".epub", "application/epub+zip", "text"},
      {"kepub", ".kepub.epub", "application/kepub+zip", "text"},
      {"fb2", ".fb2", "application/x-fictionbook+xml", "text"},
      {"fbz", ".fbz", "application/fb2+zip", "text"},
      {"azw3", ".azw3", "application/vnd.amazon.mobi8-ebook", "text"},
      {"mobi", ".mobi", "application/x-mobipocket-ebook", "text"},
      {"txt", ".txt", "text/plain", "text"},
      {"pdf", ".pdf", "application/pdf", "pdf"},
      {"cbz", ".cbz", "application/vnd.comicbook+zip", "comic"},
      {"cbr", ".cbr", "application/vnd.comicbook-rar", "comic"},
      {"cb7", ".cb7", "application/x-cb7", "comic"},
      {"cbt", ".cbt", "application/vnd.comicbook+tar", "comic"},
      {"m4b", ".m4b", "audio/mp4", "audio"},
      {"m4a", ".m4a", "audio/mp4", "audio"},
      {"aax", ".aax", "audio/vnd.audible.aax", "audio"},
      {"aa", ".aa", "audio/audible", "audio"},
      {"mp3", ".mp3", "audio/mpeg", "audio"},
      {"flac", ".flac", "audio/flac", "audio"},
      {"ogg", ".ogg", "audio/ogg", "audio"},
      {"opus", ".opus", "audio/ogg", "audio"},
      {"wav", ".wav", "audio/wav", "audio"},
      {"wma", ".wma", "audio/x-ms-wma", "audio"},
  };
  return all;
}

const kind* find_kind(const std::string& format) {
  const std::vector<kind>& all = kinds();
  auto found = std::find_if(all.begin(), all.end(), [&](const kind& k) { return k.format == format; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace carrel::publication

#include <algorithm>

#include "publication/open.hpp"

namespace carrel::publication {

// opds.md 5.8, and the audio types of ingest.md 8.1 and 14.2.
const std::vector<kind>& kinds() {
  static const std::vector<kind> all{
      {"epub", ".epub", "application/epub+zip", "text", true},
      {"kepub", ".kepub.epub", "application/kepub+zip", "text", true},
      {"fb2", ".fb2", "application/x-fictionbook+xml", "text", true},
      {"fbz", ".fbz", "application/fb2+zip", "text", true},
      {"azw3", ".azw3", "application/vnd.amazon.mobi8-ebook", "text", true},
      {"mobi", ".mobi", "application/x-mobipocket-ebook", "text", true},
      {"txt", ".txt", "text/plain", "text", true},
      {"pdf", ".pdf", "application/pdf", "pdf", false},
      {"cbz", ".cbz", "application/vnd.comicbook+zip", "comic", false},
      {"cbr", ".cbr", "application/vnd.comicbook-rar", "comic", false},
      {"cb7", ".cb7", "application/x-cb7", "comic", false},
      {"cbt", ".cbt", "application/vnd.comicbook+tar", "comic", false},
      {"m4b", ".m4b", "audio/mp4", "audio", true},
      {"m4a", ".m4a", "audio/mp4", "audio", true},
      {"aax", ".aax", "audio/vnd.audible.aax", "audio", true},
      {"aa", ".aa", "audio/audible", "audio", true},
      {"mp3", ".mp3", "audio/mpeg", "audio", true},
      {"flac", ".flac", "audio/flac", "audio", true},
      {"ogg", ".ogg", "audio/ogg", "audio", true},
      {"opus", ".opus", "audio/ogg", "audio", true},
      {"wav", ".wav", "audio/wav", "audio", true},
      {"wma", ".wma", "audio/x-ms-wma", "audio", true},
  };
  return all;
}

const kind* find_kind(const std::string& format) {
  const std::vector<kind>& all = kinds();
  auto found = std::find_if(all.begin(), all.end(), [&](const kind& k) { return k.format == format; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace carrel::publication

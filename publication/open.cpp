#include "publication/open.hpp"

#include "publication/audio/audio.hpp"
#include "publication/comic/comic.hpp"
#include "publication/epub.hpp"
#include "publication/fiction_book/open.hpp"
#include "publication/mobi/mobi.hpp"
#include "publication/pdf/open_pdf.hpp"
#include "publication/plain_text/open.hpp"
#include "publication/recognise.hpp"

namespace carrel::publication {
result<opened, refusal> open(int descriptor, const std::string& file_name, const limits& limit) {
  std::vector<warning> warnings;
  result<recognised, refusal> found = examine(descriptor, file_name, limit, warnings);
  if (!found) return found.error();
  const kind& k = found->what;
  if (k.family == "comic") return comic::open_comic(descriptor, *found, file_name, limit, std::move(warnings));
  if (k.family == "audio") return open_audio(descriptor, k, file_name, limit, std::move(warnings));
  if (k.family == "pdf") return open_pdf(descriptor, file_name, limit, std::move(warnings));
  if (k.format == "fb2" || k.format == "fbz")
    return fiction_book::open(descriptor, *found, file_name, limit, std::move(warnings));
  if (k.format == "txt") return plain_text::open(descriptor, file_name, limit, std::move(warnings));
  if (k.format == "mobi" || k.format == "azw3") return mobi::open(descriptor, file_name, limit, std::move(warnings));
  CARREL_EXPECT(k.format == "epub");
  return open_epub(*found->zip, file_name, limit, std::move(warnings));
}

}  // namespace carrel::publication

#include "publication/corrected_copy.hpp"

#include <algorithm>

#include "publication/epub.hpp"
#include "publication/file_bytes.hpp"
#include "publication/opf_edit.hpp"
#include "publication/repack.hpp"

namespace carrel::publication {
namespace {

// A signature is one of these bytes.
bool is_signed(const archive& zip) { return zip.find("META-INF/signatures.xml") != nullptr; }

bool is_encrypted(const archive& zip) {
  return std::any_of(zip.entries().begin(), zip.entries().end(), [](const archive_entry& e) { return e.encrypted; });
}

// Folders hold nothing; a link leads out of the archive.
bool is_left_out(const archive_entry& e) { return e.is_folder() || e.symlink || e.name == "mimetype"; }

std::optional<refusal> repack(archive& zip, const std::string& package, const std::string& text,
                              const std::filesystem::path& to) {
  repacked out(zip, to);
  out.put("mimetype", stored("application/epub+zip"));
  for (const archive_entry& e : zip.entries()) {
    if (is_left_out(e)) continue;
    if (e.name == package)
      out.put(e.name, deflated(text));
    else if (!out.copy(e))
      return refusal{"archive_unsupported_method", e.name};
  }
  return out.finish();
}

}  // namespace

result<bool, refusal> write_corrected_copy(int source, const std::string& file_name, const std::filesystem::path& to,
                                           const corrected& want, const limits& limit) {
  if (size_of(source) > largest_corrected_copy) return refusal{"kepub_too_large", ""};
  result<epub_to_rewrite, refusal> book = open_for_rewriting(source, file_name, limit);
  if (!book) return book.error();
  archive& zip = *book->zip;
  if (is_signed(zip) || is_encrypted(zip)) return refusal{"kepub_protected", ""};

  result<std::string, refusal> bytes = zip.read(*zip.find(book->package.path), limit.package_xml, "xml_too_large");
  if (!bytes) return bytes.error();
  result<edited_package, refusal> edited = edit_package(*bytes, want, limit);
  if (!edited) return edited.error();
  if (!edited->changed) return false;
  if (std::optional<refusal> why = repack(zip, book->package.path, edited->text, to)) return *why;
  return true;
}

}  // namespace carrel::publication

#include "publication/corrected_copy.hpp"

#include <algorithm>

#include "publication/epub.hpp"
#include "publication/file_bytes.hpp"
#include "publication/opf_edit.hpp"
#include "publication/recognise.hpp"
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
  std::vector<warning> unheard;
  result<kind, refusal> kind = recognise(source, file_name, limit, unheard);
  if (!kind) return kind.error();
  if (kind->format != "epub" && kind->format != "kepub") return refusal{"kepub_not_epub", kind->format};
  result<std::unique_ptr<archive>, refusal> zip = archive::open(source, limit, limit.unpacked);
  if (!zip) return zip.error();
  result<epub_package, refusal> package = read_package(**zip, limit, unheard);
  if (!package) return package.error();
  std::string drm = find_drm(**zip, *package, limit, unheard);
  if (!drm.empty() || is_signed(**zip) || is_encrypted(**zip)) return refusal{"kepub_protected", drm};

  result<std::string, refusal> bytes = (*zip)->read(*(*zip)->find(package->path), limit.package_xml, "xml_too_large");
  if (!bytes) return bytes.error();
  result<edited_package, refusal> edited = edit_package(*bytes, want, limit);
  if (!edited) return edited.error();
  if (!edited->changed) return false;
  if (std::optional<refusal> why = repack(**zip, package->path, edited->text, to)) return *why;
  return true;
}

}  // namespace carrel::publication

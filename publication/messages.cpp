// The codes of ingest.md 22: what people read, and which warnings keep a book in review.

#include <algorithm>
#include <array>
#include <string_view>

#include "publication/metadata.hpp"

namespace carrel::publication {
namespace {

struct message {
  std::string_view code;
  std::string_view text;       // {} is filled with the detail
  std::string_view bare = {};  // used instead when there is no detail; empty: the text without it
};

constexpr std::string_view large = "The archive is unusually large inside ({}) and was not opened.";
constexpr std::string_view large_bare = "The archive is unusually large inside and was not opened.";
constexpr std::string_view rule = "The EPUB breaks a rule of the format ({}), but could be read.";
constexpr std::string_view rule_bare = "The EPUB breaks a rule of the format, but could be read.";
constexpr std::string_view no_package = "This EPUB has no readable package document.";
constexpr std::string_view complex_xml = "A description inside the file is too large or too deeply nested.";
constexpr std::string_view characters = "Some characters could not be read and were replaced.";
constexpr std::string_view cover = "The cover could not be used ({}).";
constexpr std::string_view cover_bare = "The cover could not be used.";
constexpr std::string_view not_audio = "The file is damaged or not what its name says.";

constexpr std::array messages{
    message{"ignored_name", "Files of this name are not looked at."},
    message{"empty_file", "The file is empty."},
    message{"not_a_regular_file", "This is not an ordinary file (link, device or folder)."},
    message{"unsupported_type", "Carrel cannot read this kind of file: {}.", "Carrel cannot read this kind of file."},
    message{"file_too_large", "The file has {}.", "The file is too large."},
    message{"archive_corrupt", "The file is damaged or incomplete: its table of contents cannot be read. Download it again."},
    message{"archive_encrypted", "The archive has a password."},
    message{"archive_multivolume", "This is one part of a divided archive."},
    message{"archive_too_many_entries", large, large_bare},
    message{"archive_too_large", large, large_bare},
    message{"archive_ratio", large, large_bare},
    message{"archive_entry_too_large", large, large_bare},
    message{"archive_unsafe_path", "The archive contains a file name that points outside of it: {}.",
            "The archive contains a file name that points outside of it."},
    message{"archive_unsupported_method", "A part of the archive uses a compression method Carrel does not know."},
    message{"archive_duplicate_entry", "The archive contains {} twice.", "The archive contains a name twice."},
    message{"archive_entry_damaged", "A part of the archive is damaged: {}.", "A part of the archive is damaged."},
    message{"archive_symlink", "A part of the archive is only a link: {}.", "A part of the archive is only a link."},
    message{"epub_no_package", no_package},
    message{"epub_bad_package", no_package},
    message{"epub_no_spine", "This EPUB has no readable reading order."},
    message{"epub_no_container", rule, rule_bare},
    message{"epub_mimetype", rule, rule_bare},
    message{"epub_missing_resource", rule, rule_bare},
    message{"epub_toc", rule, rule_bare},
    message{"href_outside_container", "A link in the EPUB points outside of it."},
    message{"xml_entities_not_allowed", "The file defines its own XML entities; this is not accepted."},
    message{"xml_too_large", complex_xml},
    message{"xml_too_deep", complex_xml},
    message{"xml_recovered", "A description inside the file is not valid XML; what could be read was used."},
    message{"text_invalid_utf8", characters},
    message{"text_control_characters", characters},
    message{"metadata_missing_title", "The file does not name its title."},
    message{"metadata_missing_author", "The file does not name its author."},
    message{"metadata_truncated", "{} was shortened.", "A value was shortened."},
    message{"metadata_invalid_value", "{} could not be understood.", "A value could not be understood."},
    message{"extension_mismatch", "The name says {}.", "The name does not fit the content."},
    message{"drm_protected",
            "The book is copy-protected ({}). It is kept as it is; Carrel cannot convert it or read all of its details.",
            "The book is copy-protected. It is kept as it is; Carrel cannot convert it or read all of its details."},
    message{"comic_no_pages", "The archive contains no pictures."},
    message{"pdf_password", "The PDF needs a password; its details cannot be read."},
    message{"pdf_damaged", "The PDF is damaged; {}.", "The PDF is damaged."},
    message{"mobi_damaged", not_audio},
    message{"audio_unreadable", not_audio},
    message{"audio_too_many_files", "The folder has more than {} audio files.", "The folder has too many audio files."},
    message{"cover_missing", cover, cover_bare},
    message{"cover_unreadable", cover, cover_bare},
    message{"cover_too_large", cover, cover_bare},
    message{"cover_damaged", cover, cover_bare},
    message{"csv_empty", "The file is empty."},
    message{"csv_wide", "The file is UTF-16. Save it as CSV in UTF-8."},
    message{"csv_unreadable", "The first row, which names the columns, cannot be read. The file has to be CSV in UTF-8."},
    message{
        "csv_unknown",
        "The first row does not name the columns that are needed: a title or an ISBN, and a rating, a state, a day or a review."},
    message{"csv_too_long", "This row is too long; perhaps a quotation mark is missing."},
    message{"csv_too_many_fields", "This row has too many fields."},
    message{"csv_no_text", "This row has characters that are no text in UTF-8."},
    message{"csv_open_quote", "A quotation mark of this row is never closed; what follows was not read."},
    message{"csv_columns", "This row has another number of fields than the first one."},
    message{"inspection_limit", "Reading the file took too long or too much memory; it was stopped."},
    message{"inspection_crash", "Reading the file failed unexpectedly. The file itself was not changed."},
    message{"duplicate_file", "This exact file is already in the library: {}.", "This exact file is already in the library."},
    message{"duplicate_trashed", "This exact file is the book {} in the trash. Restore the book to have it in the library again.",
            "This exact file is a book in the trash. Restore the book to have it in the library again."},
    message{"recording_trashed",
            "This is a part of the book {} in the trash and lies there with it. Restore the book to hear it.",
            "This is a part of a book in the trash and lies there with it. Restore the book to hear it."},
    message{"drop_folder_unusable", "The drop folder cannot be watched: {}.", "The drop folder cannot be watched."},
    message{"watch_limit", "The system lets Carrel watch no more folders (fs.inotify.max_user_watches is {}).",
            "The system lets Carrel watch no more folders."},
    message{"disk_full", "There is not enough space. Will be tried again."},
    message{"source_changed", "The file changed while it was taken over. Will be tried again."},
    message{"source_unreadable", "The file could not be read while it was taken over. Will be tried again."},
    message{"staging_missing", "A file that should be there is missing: {}.", "A file that should be there is missing."},
    message{"file_missing", "A file that should be there is missing: {}.", "A file that should be there is missing."},
    message{"folder_too_deep", "The folders under {} are nested too deeply; the deepest were not read.",
            "The folders are nested too deeply; the deepest were not read."},
    message{"source_stays", "The files in {} were taken in but cannot be removed from there. They are not taken in again.",
            "The file was taken in but cannot be removed from its folder. It is not taken in again."},
    message{"sidecar_unreadable", "The file {} beside the book could not be read.", "A file beside the book could not be read."},
    message{"in_library",
            "This lies in the folder of a library, and nothing is moved out of one. With --keep its files are copied."},
    message{"orphaned_file", "This file was left over from an interruption and belongs to nothing. It is kept in quarantine."},
    message{"folder_unavailable", "The folder {} cannot be read. Nothing was changed.",
            "The folder cannot be read. Nothing was changed."},
    message{"calibre_no_library", "This is no Calibre library: the folder has no metadata.db."},
    message{"calibre_unreadable", "The database of the Calibre library cannot be read: {}.",
            "The database of the Calibre library cannot be read."},
    message{"calibre_busy", "The Calibre library changes all the time. Close Calibre and try again."},
    message{"calibre_damaged", "The database of the Calibre library is damaged: {}.",
            "The database of the Calibre library is damaged."},
    message{"calibre_unknown_schema", "metadata.db is not the database of a Calibre library: {}.",
            "metadata.db is not the database of a Calibre library."},
    message{"calibre_limit", "The database of the Calibre library needs too much {}; reading it was stopped.",
            "The database of the Calibre library needs too much; reading it was stopped."},
    message{"calibre_newer",
            "The Calibre library has version {}, which is newer than what Carrel knows. What is new in it was not read.",
            "The Calibre library is newer than what Carrel knows. What is new in it was not read."},
    message{"calibre_no_files", "Calibre's book {} has no file that is there. It was left out.",
            "A book has no file that is there. It was left out."},
    message{"calibre_unknown_file", "Calibre does not know this file. It was left where it is."},
    message{"calibre_same_file",
            "Calibre's book {} has only files that belong to another book already. Its description was left out.",
            "A book has only files that belong to another book already. Its description was left out."},
    message{"calibre_trashed", "The book {} lies in the trash. It was left there.",
            "The book lies in the trash. It was left there."},
    message{"kepub_document_kept", "A document of the EPUB could not be converted and was kept as it is: {}.",
            "A document of the EPUB could not be converted and was kept as it is."},
    message{"kepub_fixed_layout", "The pages of the book have a fixed layout, which the KEPUB form breaks."},
    message{"kepub_protected", "The book is copy-protected ({}) and cannot be converted.",
            "The book is copy-protected and cannot be converted."},
    message{"kepub_too_large", "The file is larger than {}, more than is converted.",
            "The file is larger than what is converted."},
    message{"kepub_not_epub", "The file is no EPUB."},
    message{"kepub_failed", "The KEPUB could not be written: {}.", "The KEPUB could not be written."},
};

}  // namespace

std::string message_for(const std::string& code, const std::string& detail) {
  auto found = std::find_if(messages.begin(), messages.end(), [&](const message& m) { return m.code == code; });
  if (found == messages.end()) return detail.empty() ? code : code + ": " + detail;
  std::string_view text = detail.empty() && !found->bare.empty() ? found->bare : found->text;
  std::size_t at = text.find("{}");
  if (at == std::string_view::npos) return std::string(text);
  return std::string(text.substr(0, at)) + detail + std::string(text.substr(at + 2));
}

bool blocks_approval(const std::string& code) {
  return code == "metadata_missing_title" || code == "metadata_missing_author" || code == "drm_protected" ||
         code == "pdf_password";
}

}  // namespace carrel::publication

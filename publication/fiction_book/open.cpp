#include "publication/fiction_book/open.hpp"

#include "publication/fiction_book/contents.hpp"
#include "publication/fiction_book/description.hpp"
#include "publication/file_bytes.hpp"
#include "publication/names.hpp"

namespace carrel::publication::fiction_book {
namespace {

result<std::string, refusal> read_xml(int descriptor, const recognised& found, const limits& limit) {
  if (found.zip) {
    const archive_entry* book = fiction_book_in(*found.zip);
    CARREL_EXPECT(book != nullptr);
    return found.zip->read(*book, limit.fiction_xml, "xml_too_large");
  }
  std::uint64_t size = size_of(descriptor);
  if (size > limit.fiction_xml) return refusal{"xml_too_large", ""};
  return read_at(descriptor, 0, static_cast<std::size_t>(size));
}

}  // namespace

result<opened, refusal> open(int descriptor, const recognised& found, const std::string& file_name, const limits& limit,
                             std::vector<warning> warnings) {
  result<std::string, refusal> bytes = read_xml(descriptor, found, limit);
  if (!bytes) return bytes.error();
  result<std::unique_ptr<book_tree>, refusal> book = parse(std::move(*bytes), limit, warnings);
  if (!book) return book.error();
  const pugi::xml_node& root = (*book)->root;
  pictures all(root);
  if (all.size() > limit.fiction_binaries) return refusal{"xml_too_large", ""};

  opened out;
  out.format = found.what.format;
  out.about = describe(root, warnings);
  out.about.toc = read_toc(root, warnings);
  out.cover = find_cover(root, all, limit, warnings);
  contents text = read_contents(**book, all, out.cover, limit);
  out.content_hash = text.hash;
  out.about.page_count = text.pages;
  out.about.page_count_source = "estimate";
  complete_from_name(out.about, guess_from_name(file_name), warnings);
  out.warnings = std::move(warnings);
  return out;
}

}  // namespace carrel::publication::fiction_book

#include "library/own_cover.hpp"

#include "library/book_record.hpp"

namespace carrel::library {

bool set_own_cover(db::tx& tx, const uuid& book, const new_cover& picture, const actor& who) {
  std::optional<book_record> before = read_record(tx, book);
  if (!before) return false;
  book_record after = *before;
  after.cover = cover_ref{.id = cover_id(tx, picture),
                          .sha256 = picture.sha256,
                          .storage_path = picture.storage_path,
                          .width = picture.width,
                          .height = picture.height};
  after.set_source("cover", "user");
  after.lock("cover", true);
  after.taken.erase("cover");
  std::optional<uuid> group = write_record(tx, book, *before, std::move(after), who);
  if (group) record(tx, who, "book.cover", "book", book, {{"sha256", picture.sha256}, {"group", *group}});
  return true;
}

}  // namespace carrel::library

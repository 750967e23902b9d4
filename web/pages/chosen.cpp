// What is done with the books that were ticked in a list, beside changing them: their files as one archive, and asking the
// metadata sources about them (product.md 4.4).

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <set>
#include <utility>

#include "library/catalog_lists.hpp"
#include "library/download.hpp"
#include "publication/zip_stream.hpp"
#include "server/core/text.hpp"
#include "web/asking.hpp"
#include "web/pages/bulk_pages.hpp"
#include "web/pages/parts.hpp"
#include "web/pages/table.hpp"

namespace carrel::web {
namespace {

constexpr int most_exported = 1000, most_asked = 10'000, books_at_once = 20;
constexpr std::size_t piece_size = 256 << 10;

std::vector<uuid> books_of(db::tx& tx, uuid viewer, const choice& c, int most) {
  if (c.all) return library::matching_ids(tx, viewer, *c.all, {}, most);
  std::vector<uuid> out, asked(c.books.begin(), c.books.begin() + std::min(c.books.size(), static_cast<std::size_t>(most)));
  for (const library::book& b : library::load_books(tx, viewer, asked)) out.push_back(b.id);
  return out;
}

bool ask_about_chosen(db::tx& tx, const config* c, uuid viewer, const choice& chosen) {
  return ask_about_books(tx, *c, books_of(tx, viewer, chosen, most_asked), viewer).has_value();
}

// ---- the archive -------------------------------------------------------------------------------------------------------

class packing {
 public:
  explicit packing(const library::store& from) : from_(from) {}
  ~packing() { close_file(); }
  packing(const packing&) = delete;
  packing& operator=(const packing&) = delete;

  // Files that are not in their place are left out.
  void add(const std::vector<library::book>& books) {
    for (const library::book& b : books) {
      for (const library::book_file& f : b.files) {
        if (!f.storage_path.empty()) left_.push_back(f);
      }
    }
  }

  // Some of the archive; "" when all files so far are in it.
  std::string next() {
    while (!broken_ && (open_ >= 0 || open_next())) {
      read_some();
      std::string out = zip_.take();
      if (!out.empty()) return out;
    }
    return {};
  }

  // Without it the archive is seen to be broken off.
  std::string end() { return !broken_ && zip_.finish() ? zip_.take() : std::string(); }
  bool broken() const { return broken_; }
  std::vector<uuid> packed;  // files

 private:
  bool open_next() {
    while (!left_.empty()) {
      file_ = std::move(left_.front());
      left_.pop_front();
      if (!from_.holds(file_.storage_path, file_.size)) continue;
      open_ = descriptor_of(file_.storage_path);
      if (open_ < 0) continue;
      rest_ = static_cast<std::uint64_t>(file_.size);
      broken_ = !zip_.begin(free_name(file_.download_name), rest_, file_.created_at);
      return !broken_;
    }
    return false;
  }

  int descriptor_of(const std::string& path) const {
    std::filesystem::path absolute = from_.absolute(path);
    return library::is_external(path) ? library::open_without_links(absolute) : ::open(absolute.c_str(), O_RDONLY | O_CLOEXEC);
  }

  void read_some() {
    std::string bytes(std::min<std::uint64_t>(rest_, piece_size), '\0');
    ssize_t got = bytes.empty() ? 0 : ::read(open_, bytes.data(), bytes.size());
    broken_ = got < 0 || (got == 0 && rest_ > 0) || !zip_.add(std::string_view(bytes.data(), static_cast<std::size_t>(got)));
    if (broken_) return close_file();
    rest_ -= static_cast<std::uint64_t>(got);
    if (rest_ > 0) return;
    packed.push_back(file_.id);
    close_file();
  }

  // Two files of one name would be one when they are unpacked, whatever the case of their letters.
  std::string free_name(const std::string& wanted) {
    std::size_t dot = wanted.rfind('.');
    std::string stem = wanted.substr(0, dot), ending = dot == std::string::npos ? "" : wanted.substr(dot), name = wanted;
    for (int n = 2; !taken_.insert(lower_ascii(name)).second; ++n) name = stem + " (" + std::to_string(n) + ")" + ending;
    return name;
  }

  void close_file() {
    if (open_ >= 0) ::close(open_);
    open_ = -1;
  }

  const library::store& from_;
  publication::zip_stream zip_;
  std::deque<library::book_file> left_;
  library::book_file file_;
  std::set<std::string> taken_;
  int open_ = -1;
  std::uint64_t rest_ = 0;
  bool broken_ = false;
};

std::string next_piece(const std::shared_ptr<packing>& p) { return p->next(); }
std::string end_of(const std::shared_ptr<packing>& p) { return p->end(); }

void record_all(db::tx& tx, uuid viewer, const std::vector<uuid>& files) {
  for (const uuid& file : files) library::record_download(tx, viewer, std::nullopt, file);
}

task<> write_archive(const site& at, uuid viewer, std::vector<uuid> books, http::sink& to) {
  auto all = std::make_shared<packing>(at.with.store);
  for (std::size_t first = 0; first < books.size(); first += books_at_once) {
    std::size_t last = std::min(books.size(), first + books_at_once);
    std::vector<uuid> part(books.begin() + static_cast<std::ptrdiff_t>(first), books.begin() + static_cast<std::ptrdiff_t>(last));
    std::vector<library::book> found = co_await at.with.pool.snapshot(library::load_books, viewer, part);
    all->add(found);
    for (;;) {
      std::string piece = co_await at.with.cpu.run(next_piece, all);
      if (piece.empty()) break;
      co_await to.write(piece);
    }
    if (all->broken()) throw std::runtime_error("a file changed while it was read");
    std::vector<uuid> packed = std::exchange(all->packed, {});
    co_await at.with.pool.write(record_all, viewer, packed);
  }
  std::string end = co_await at.with.cpu.run(end_of, all);
  co_await to.write(end);
}

void need_books(const visit& v, const choice& c) {
  if (!c.all && c.books.empty()) throw http::problem{422, v.say.text("bulk.wrong.no_books"), "no_books"};
}

}  // namespace

answer export_chosen(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::download);
  http::form form(c.in);
  choice chosen = choice_in(v, form);
  need_books(v, chosen);
  std::vector<uuid> books = co_await at.with.pool.snapshot(books_of, v.id(), chosen, most_exported + 1);
  if (books.empty()) not_here(v);
  if (books.size() > most_exported) throw http::problem{422, v.say.count("pick.too_many", most_exported), "too_many_books"};
  uuid viewer = v.id();
  http::producer archive = [&at, viewer, books](http::sink& to) { return write_archive(at, viewer, books, to); };
  http::response out;
  out.set("Content-Type", "application/zip").set("Cache-Control", "private, no-store");
  out.set("Content-Disposition", "attachment; filename=\"books.zip\"");
  out.body = std::move(archive);
  co_return out;
}

answer ask_chosen(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  http::form form(c.in);
  choice chosen = choice_in(v, form);
  need_books(v, chosen);
  const config* settings = &at.with.settings;
  bool asked = co_await at.with.pool.write(ask_about_chosen, settings, v.id(), chosen);
  std::string_view act = asked ? "source.fetch" : "source.nothing";
  co_return done(v, back_path(form, "/books"), act);
}

}  // namespace carrel::web

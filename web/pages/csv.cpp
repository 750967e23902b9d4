// The table as CSV: out as a file, and in again as a run with a preview of what differs (product.md 4.4).

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "library/book_csv.hpp"
#include "library/bulk.hpp"
#include "web/bulk_jobs.hpp"
#include "web/pages/bulk_pages.hpp"
#include "web/pages/table.hpp"
#include "web/uploads.hpp"

namespace carrel::web {
namespace {

constexpr int exported_at_once = 200;
constexpr std::size_t read_at_once = 500, most_problems = 20;

// ---- out ---------------------------------------------------------------------------------------------------------------

task<> write_books(const site& at, uuid viewer, library::filter f, http::sink& to) {
  std::string out(publication::csv_mark);
  publication::append_csv_row(out, library::csv_book_columns());
  uuid after;
  for (;;) {
    std::vector<library::book> books = co_await at.with.pool.snapshot(library::csv_books, viewer, f, after, exported_at_once);
    for (const library::book& b : books) publication::append_csv_row(out, library::csv_book_cells(b));
    co_await to.write(out);
    if (books.size() < static_cast<std::size_t>(exported_at_once)) co_return;
    after = books.back().id;
    out.clear();
  }
}

// ---- in ----------------------------------------------------------------------------------------------------------------

struct line_problem {
  std::int64_t line = 0;
  std::string code;
};
struct reading {
  std::optional<uuid> run;
  std::string refused;  // why the whole table cannot be read; "" it can
  std::vector<line_problem> problems;
};

struct table_order {
  uuid viewer;
  library::actor who;
  std::string name;
  bool locked_too = false;
};

std::string code_of(publication::csv_trouble t) {
  switch (t) {
    case publication::csv_trouble::too_long: return "too_long";
    case publication::csv_trouble::too_many_fields: return "too_many_fields";
    case publication::csv_trouble::no_text: return "no_text";
    case publication::csv_trouble::open_quote: return "open_quote";
    case publication::csv_trouble::none: break;
  }
  return "";
}

// Lines become rows of the run some hundred at a time.
class table_reader {
 public:
  table_reader(db::pool& pool, const table_order& order, publication::csv_reader& in) : pool_(pool), order_(order), in_(in) {}

  reading read() {
    publication::csv_row header;
    if (!in_.next(header) || in_.is_wide() || header.trouble != publication::csv_trouble::none) return refuse("no_table");
    publication::csv_columns columns(header);
    if (std::optional<std::string> why = library::refused_columns(columns)) return refuse(*why);
    run_ = pool_.write_now([&](db::tx& tx) { return library::start_bulk(tx, order_.viewer, order_.who, "import", order_.name); });
    publication::csv_row row;
    while (out_.problems.size() < most_problems && in_.next(row)) add(columns, row);
    store();
    if (!out_.problems.empty()) pool_.write_now([&](db::tx& tx) { return library::drop_bulk(tx, run_); });
    if (out_.problems.empty()) finish();
    return std::move(out_);
  }

 private:
  reading refuse(const std::string& why) {
    out_.refused = why;
    return std::move(out_);
  }

  void add(const publication::csv_columns& columns, const publication::csv_row& row) {
    std::string trouble = code_of(row.trouble);
    if (!trouble.empty()) return out_.problems.push_back({row.line, trouble});
    result<library::csv_line> line = library::csv_book_line(columns, row);
    if (!line) return out_.problems.push_back({row.line, "no_id"});
    books_.push_back(line->book);
    wanted_.push_back(std::move(line->wanted));
    last_line_ = row.line;
    if (books_.size() >= read_at_once) store();
  }

  void store() {
    if (books_.empty()) return;
    try {
      pool_.write_now([&](db::tx& tx) { return library::choose_books(tx, run_, order_.viewer, books_, &wanted_); });
    } catch (const db::unique_violation&) {
      out_.problems.push_back({last_line_, "twice"});
    }
    books_.clear();
    wanted_.clear();
  }

  void finish() {
    out_.run = run_;
    pool_.write_now([&](db::tx& tx) {
      library::end_choosing(tx, run_, order_.locked_too);
      return prepare_bulk(tx, run_, order_.viewer).has_value();
    });
  }

  db::pool& pool_;
  const table_order& order_;
  publication::csv_reader& in_;
  uuid run_;
  std::vector<uuid> books_;
  std::vector<json::object> wanted_;
  std::int64_t last_line_ = 0;
  reading out_;
};

struct open_descriptor {
  int number;
  ~open_descriptor() { ::close(number); }
};

reading read_table(db::pool& pool, const std::filesystem::path& file, const table_order& order) {
  open_descriptor in{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
  if (in.number < 0) return {.run = {}, .refused = "no_table", .problems = {}};
  publication::csv_reader lines(publication::bytes_of_file(in.number));
  return table_reader(pool, order, lines).read();
}

http::response import_form(const visit& v, const reading& found) {
  form_errors wrong;
  if (!found.refused.empty()) wrong.add("file", v.say.text("csv.refused." + found.refused));
  for (const line_problem& p : found.problems)
    wrong.add("file", v.say.say("csv.line", {{"line", v.say.number(p.line)}, {"reason", v.say.text("csv.wrong." + p.code)}}));
  view out;
  wrong.fill(out);
  return show(v, {v.say.text("csv.import"), "library"}, "csv_import", std::move(out), wrong.empty() ? 200 : 422);
}

}  // namespace

answer csv_export(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  library::filter f = filter_of(v, c.in.queries());
  uuid viewer = v.id();
  http::producer books = [&at, viewer, f](http::sink& to) { return write_books(at, viewer, f, to); };
  http::response out;
  out.set("Content-Type", "text/csv; charset=utf-8").set("Cache-Control", "private, no-store");
  out.set("Content-Disposition", "attachment; filename=\"books.csv\"");
  out.body = std::move(books);
  co_return out;
}

answer csv_import_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  co_return import_form(v, {});
}

answer csv_import(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  parts_of_upload parts = co_await split_upload(at, c);
  check_token(c, parts);
  if (parts.files.size() != 1) {
    drop_parts(parts);
    reading nothing{.run = {}, .refused = "no_file", .problems = {}};
    co_return import_form(v, nothing);
  }
  table_order order{.viewer = v.id(), .who = v.actor(), .name = parts.files.front().second};
  order.locked_too = c.in.query("locked") == "1";
  std::filesystem::path file = parts.files.front().first;
  auto read = [&pool = at.with.pool](const std::filesystem::path& table, const table_order& o) {
    return read_table(pool, table, o);
  };
  reading found = co_await at.with.cpu.run(read, file, order);
  drop_parts(parts);
  if (!found.run) co_return import_form(v, found);
  co_return http::redirect(v.href("/bulk/" + found.run->text()));
}

}  // namespace carrel::web

#include "ingest/reading_list.hpp"

#include <unordered_map>
#include <unordered_set>

#include "ingest/command.hpp"
#include "library/book_match.hpp"
#include "library/opinion.hpp"

namespace carrel::ingest {
namespace {

using publication::reading_list;
using publication::reading_list_row;

constexpr std::size_t rows_at_once = 500;

list_entry entry_of(const reading_list_row& row) {
  return {.line = row.line,
          .title = row.title,
          .authors = row.authors,
          .isbns = row.isbns,
          .books = {},
          .first_line = 0,
          .columns = {},
          .code = {}};
}

// What one transaction found out about some rows.
struct chunk_result {
  std::vector<library::book_match> matches;
  std::vector<std::size_t> heard;  // the rows whose words were heard
  std::vector<library::import_end> ends;
};

class run {
 public:
  run(db::pool& pool, reading_list list, const list_options& how, const std::function<void(std::int64_t)>& tell)
      : pool_(pool), list_(std::move(list)), how_(how), tell_(tell) {
    out_.source = list_.name();
    out_.dry_run = how.dry_run;
  }

  list_outcome finish() {
    try {
      while (next_rows()) {
        if (how_.stop.stop_requested()) throw stopped_by_request("interrupted; the rest was not looked at");
        add(hear());
        out_.rows += static_cast<std::int64_t>(rows_.size());
        if (tell_) tell_(out_.rows);
      }
    } catch (...) {
      out_.interrupted = std::current_exception();
    }
    return std::move(out_);
  }

 private:
  bool next_rows() {
    rows_.clear();
    for (reading_list_row row; rows_.size() < rows_at_once && list_.next(row);) rows_.push_back(std::move(row));
    return !rows_.empty();
  }

  chunk_result hear() const {
    auto look = [this](db::tx& tx) { return hear_in(tx); };
    return how_.dry_run ? pool_.read_now(look) : pool_.write_now(look);
  }

  chunk_result hear_in(db::tx& tx) const {
    std::vector<library::book_sought> sought;
    for (const reading_list_row& row : rows_) sought.push_back({row.title, row.authors, row.isbns});
    chunk_result out{.matches = library::match_books(tx, how_.user, sought), .heard = {}, .ends = {}};
    std::vector<library::import_word> words;
    std::unordered_set<uuid> taken;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const std::vector<uuid>& books = out.matches[i].books;
      bool first = books.size() == 1 && !counted_.contains(books[0]) && taken.insert(books[0]).second;
      if (!first) continue;
      out.heard.push_back(i);
      words.push_back({books[0], rows_[i].says});
    }
    const library::import_source source{.name = out_.source};
    out.ends = library::hear_import(tx, how_.user, source, words, !how_.dry_run);
    return out;
  }

  void add(const chunk_result& found) {
    std::size_t next = 0;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      bool heard = next < found.heard.size() && found.heard[next] == i;
      add(rows_[i], found.matches[i], heard ? &found.ends[next] : nullptr);
      if (heard) ++next;
    }
  }

  void add(const reading_list_row& row, const library::book_match& match, const library::import_end* end) {
    list_entry entry = entry_of(row);
    if (!row.trouble.empty()) {
      entry.code = row.trouble;
      return out_.failed.add(std::move(entry));
    }
    if (!row.unclear.empty()) {
      list_entry unclear = entry;
      unclear.columns = row.unclear;
      out_.unclear.add(std::move(unclear));
    }
    entry.books = match.books;
    if (match.books.empty()) return out_.unmatched.add(std::move(entry));
    if (match.books.size() > 1) return out_.ambiguous.add(std::move(entry));
    ++out_.matched;
    out_.by_isbn += match.by_isbn ? 1 : 0;
    if (end) return count(row, std::move(entry), *end);
    entry.first_line = counted_.at(match.books[0]);
    out_.repeated.add(std::move(entry));
  }

  void count(const reading_list_row& row, list_entry entry, library::import_end end) {
    counted_.emplace(entry.books[0], row.line);
    if (end == library::import_end::changed)
      ++out_.changed;
    else if (end == library::import_end::kept)
      out_.kept.add(std::move(entry));
    else
      ++out_.unchanged;
  }

  db::pool& pool_;
  reading_list list_;
  const list_options& how_;
  const std::function<void(std::int64_t)>& tell_;
  std::vector<reading_list_row> rows_;
  std::unordered_map<uuid, std::int64_t> counted_;  // the line that counted for a book
  list_outcome out_;
};

json::object entry_json(const list_entry& e) {
  json::object out{{"line", e.line}};
  if (!e.code.empty()) return out.set("code", e.code).set("message", publication::message_for(e.code, ""));
  out.set("title", e.title).set("authors", e.authors).set("isbns", e.isbns);
  json::array books;
  for (const uuid& id : e.books) books.emplace_back(id);
  if (!books.empty()) out.set("books", std::move(books));
  if (e.first_line != 0) out.set("first_line", e.first_line);
  if (!e.columns.empty()) out.set("columns", e.columns);
  return out;
}

json::array list_json(const entry_list& list) {
  json::array out;
  for (const list_entry& e : list.entries) out.emplace_back(entry_json(e));
  return out;
}

}  // namespace

void entry_list::add(list_entry e) {
  ++count;
  if (entries.size() < most_listed) entries.push_back(std::move(e));
}

json::object to_json(const list_outcome& o) {
  json::object summary{{"source", o.source},
                       {"dry_run", o.dry_run},
                       {"rows", o.rows},
                       {"matched", o.matched},
                       {"matched_by_isbn", o.by_isbn},
                       {"changed", o.changed},
                       {"unchanged", o.unchanged},
                       {"kept", o.kept.count},
                       {"repeated", o.repeated.count},
                       {"unmatched", o.unmatched.count},
                       {"ambiguous", o.ambiguous.count},
                       {"unclear", o.unclear.count},
                       {"failed", o.failed.count}};
  json::object out{{"summary", std::move(summary)}};
  out.set("unmatched", list_json(o.unmatched)).set("ambiguous", list_json(o.ambiguous)).set("kept", list_json(o.kept));
  out.set("repeated", list_json(o.repeated)).set("unclear", list_json(o.unclear)).set("failed", list_json(o.failed));
  return out;
}

result<list_outcome, publication::refusal> import_reading_list(db::pool& pool, publication::byte_source source,
                                                               const list_options& how,
                                                               const std::function<void(std::int64_t)>& tell) {
  result<reading_list, publication::refusal> list = reading_list::open(std::move(source));
  if (!list) return list.error();
  return run(pool, std::move(*list), how, tell).finish();
}

}  // namespace carrel::ingest

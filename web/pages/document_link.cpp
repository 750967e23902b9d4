// `/documents/link`: which book a document belongs to, found by words (product.md 4.9). Works without script.

#include "library/catalog.hpp"
#include "library/document.hpp"
#include "server/core/text.hpp"
#include "web/format.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {
namespace {

constexpr int most_found = 20;

constexpr db::statement sql_document{"web.document", R"sql(
  select d.title, d.file_name, d.authors, coalesce(p.device, ''), coalesce(p.percentage, 0), d.last_seen_at
    from documents d
    left join reading_progress p on p.user_id = d.user_id and p.document = d.document
   where d.user_id = $1 and d.document = $2)sql"};

struct document_data {
  bool known = false;
  std::string title, authors, device, words;
  double percentage = 0;
  instant at{};
  library::found found;
};

// "Jane Austen - Emma.epub" -> "Jane Austen Emma"
std::string words_of_file(std::string name) {
  name.resize(std::min(name.rfind('.'), name.size()));
  std::string out;
  for (char c : name) {
    if (c == '-' || c == '_') c = ' ';
    if (c != ' ' || !out.ends_with(' ')) out += c;
  }
  return out;
}

document_data load_document(db::tx& tx, uuid viewer, const std::string& document, std::optional<std::string> words) {
  document_data out;
  db::rows rows = tx.run(sql_document, viewer, document);
  if (rows.empty()) return out;
  const db::row& r = rows[0];
  out.known = true;
  out.title = r.text(0).empty() ? r.text(1) : r.text(0);
  out.authors = r.text(2);
  out.device = r.text(3);
  out.percentage = r.real(4);
  out.at = r.at(5);
  out.words = words ? std::string(trim(*words)) : r.text(0).empty() ? words_of_file(r.text(1)) : r.text(0);
  library::query wanted{.all = out.words};
  if (!out.words.empty()) out.found = library::search(tx, viewer, wanted, 0, most_found);
  return out;
}

}  // namespace

answer document_link_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  std::string document = c.in.query("document").value_or("");
  std::optional<std::string> words = c.in.query("q");
  document_data data = co_await at.with.pool.snapshot(load_document, v.id(), document, words);
  if (!data.known) not_here(v);

  view out;
  out.set("document", document).set("doc_title", data.title.empty() ? document : data.title).set("doc_authors", data.authors);
  out.set("doc_id", data.title.empty() ? "" : document).set("device", data.device).set("when", moment(v.say, data.at));
  out.set("percent", percent_text(v.say, data.percentage)).set("words", data.words);
  out.set("books", cards(v.say, data.found.books)).set("more", data.found.more);
  co_return show(v, {v.say.text("link.title"), "errata"}, "document_link", std::move(out));
}

answer document_link(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  http::form form(c.in);
  std::string document = form.text("document");
  std::optional<uuid> book = id_of(form.text("book"));
  if (!book) not_here(v);
  bool linked = co_await at.with.pool.write(library::link_by_hand, v.id(), document, *book);
  if (!linked) not_here(v);
  co_return done(v, back_path(form, "/errata"), "document.linked", "", document);
}

answer document_unlink(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  http::form form(c.in);
  std::string document = form.text("document");
  bool unlinked = co_await at.with.pool.write(library::unlink, v.id(), document);
  if (!unlinked) not_here(v);
  co_return done(v, "/errata", "undone");
}

}  // namespace carrel::web

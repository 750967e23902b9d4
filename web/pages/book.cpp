// `/books/{id}`: about, files with every fingerprint, positions with restore, shelves (product.md 4.5).

#include "library/book.hpp"
#include "library/audio_edition.hpp"

#include <algorithm>
#include <cmath>

#include "library/catalog.hpp"
#include "library/merge.hpp"
#include "library/opinion.hpp"
#include "library/position.hpp"
#include "library/store.hpp"
#include "server/core/text.hpp"
#include "web/format.hpp"
#include "web/opinion.hpp"
#include "web/pages/book_about.hpp"
#include "web/pages/curating.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"
#include "web/trash.hpp"

namespace carrel::web {
namespace {

// Every fingerprint under which a file was ever known, the present ones first.
constexpr db::statement sql_hashes{"web.file_hashes", R"sql(
  select file_id, kind, variant, hash, last_served_at
    from book_file_hashes
   where book_id = $1
   order by file_id, variant = 'replaced', kind, hash
   limit 500)sql"};

// The books before and after this one in its series.
constexpr db::statement sql_beside{"web.beside_in_series", R"sql(
  (select b.id, b.title, true from visible_books($1) b, books here
    where here.id = $2 and b.series_id = here.series_id and b.status = 'organized'
      and (b.place_key, b.id) < (here.place_key, here.id)
    order by b.place_key desc, b.id desc limit 1)
  union all
  (select b.id, b.title, false from visible_books($1) b, books here
    where here.id = $2 and b.series_id = here.series_id and b.status = 'organized'
      and (b.place_key, b.id) > (here.place_key, here.id)
    order by b.place_key, b.id limit 1))sql"};

struct neighbour {
  uuid book;
  std::string title;
  bool before = false;
};

struct fingerprint {
  uuid file;
  std::string kind, variant, hash;
  std::optional<instant> served_at;
};

struct book_data {
  std::optional<library::book> book;
  std::string trashed_title;
  std::optional<uuid> survivor;  // it was merged into
  std::vector<fingerprint> hashes;
  std::vector<library::position_row> positions;
  library::place_words words;
  std::vector<library::shelf> on, all;
  std::optional<library::book> duplicate_of;
  std::vector<neighbour> beside;
  library::opinion opinion;
  library::book_mark mark;
  std::optional<book_metadata> metadata;  // for those who look after it
  std::optional<std::int64_t> length;     // of its recordings
  book_about about;
};

// `settings`: for those who look after books.
book_data load_book(db::tx& tx, uuid viewer, uuid id, const config* settings) {
  bool curates = settings != nullptr;
  book_data out;
  out.book = library::find_book(tx, viewer, id);
  if (!out.book) {
    out.survivor = library::survivor_of(tx, viewer, id);
    if (!curates || out.survivor) return out;
    std::optional<trashed_book> gone = find_trashed(tx, viewer, id);
    if (gone) out.trashed_title = gone->title;
    return out;
  }
  for (const db::row& r : tx.run(sql_hashes, id)) {
    out.hashes.push_back({r.id(0), r.text(1), r.text(2), r.text(3), r.maybe_at(4)});
  }
  if (out.book->series_id) {
    for (const db::row& r : tx.run(sql_beside, viewer, id)) out.beside.push_back({r.id(0), r.text(1), r.flag(2)});
  }
  out.length = library::length_of_edition(tx, id);
  out.positions = library::positions_of_book(tx, viewer, id, 100);
  out.words = library::words_at_place(tx, viewer, id);
  out.opinion = library::find_opinion(tx, viewer, id).value_or(library::opinion{});
  out.mark = library::mark_of(library::marks_of(tx, viewer, {id}), id);
  out.on = library::shelves_of_book(tx, viewer, id);
  out.all = library::shelves(tx, viewer);
  out.about = load_about(tx, viewer, id, curates);
  if (curates) out.metadata = load_metadata(tx, *settings, id);
  if (curates && out.book->possible_duplicate_of)
    out.duplicate_of = library::find_book(tx, viewer, *out.book->possible_duplicate_of);
  return out;
}

std::vector<view> file_views(const visit& v, const book_data& data, const library::delivered_copies* copies) {
  std::vector<view> out;
  for (const library::book_file& f : data.book->files) {
    view shown;
    shown.set("file", f.id.text()).set("format", format_name(v.say, f)).set("size", size_text(v.say, f.size));
    shown.set("original_name", f.original_name)
        .set("missing", f.missing)
        .set("corrected", copies != nullptr && copies->may_differ(f))
        .set("drm", f.drm)
        .set("file_added", moment(v.say, f.created_at));
    shown.set("primary", data.book->files.size() > 1 && out.empty());  // the best format comes first (opds.md 5.8)
    shown.set("origin", origin_words(v, data.about, f.id, library::is_external(f.storage_path)));
    std::vector<view> prints;
    for (const fingerprint& p : data.hashes) {
      if (p.file != f.id) continue;
      view print;
      std::string kind = "hash." + p.kind, variant = "variant." + p.variant;
      print.set("hash_kind", v.say.has(kind) ? v.say.text(kind) : p.kind).set("hash", p.hash);
      print.set("variant", v.say.has(variant) ? v.say.text(variant) : p.variant);
      moment(v.say, p.served_at, print, "served");
      prints.push_back(print);
    }
    shown.set("prints", prints);
    out.push_back(shown);
  }
  return out;
}

std::vector<view> position_views(const visit& v, const std::vector<library::position_row>& rows) {
  std::vector<view> out;
  for (const library::position_row& p : rows) {
    view shown;
    shown.set("row", p.id.text()).set("percent", percent_text(v.say, p.percentage)).set("device", p.device);
    shown.set("bar_value", std::lround(std::clamp(p.percentage, 0.0, 1.0) * 100)).set("when", moment(v.say, p.at));
    shown.set("exact", p.quality == "exact").set("approximate", !p.quality.empty() && p.quality != "exact");
    shown.set("current", p.current).set("held", p.waits()).set("settled", !p.accepted && p.settled).set("restorable", !p.current);
    std::string source = "source." + p.source;
    shown.set("source", v.say.has(source) ? v.say.text(source) : p.source).set("document", p.document);
    out.push_back(shown);
  }
  return out;
}

std::vector<view> shelf_choices(const visit& v, const book_data& data) {
  std::vector<view> out;
  for (const library::shelf& s : data.all) {
    bool on = false;
    for (const library::shelf& other : data.on) on = on || other.id == s.id;
    if (on || s.user_id != v.id() || s.kind != "hand") continue;
    view choice;
    choice.set("value", s.id.text()).set("label", s.name);
    out.push_back(choice);
  }
  return out;
}

// A code of MARC that has no words here ("mrk") says nothing to people.
std::string role_text(const messages& say, const std::string& role) {
  std::string key = "role." + role;
  bool code = role.size() == 3 && std::all_of(role.begin(), role.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  return say.has(key) ? say.text(key) : code ? say.text("role.ctb") : role;
}

std::vector<view> linked(const visit& v, const std::vector<library::person>& people) {
  std::vector<view> out;
  for (const library::person& p : people) {
    view shown;
    shown.set("person", p.name).set("person_href", v.href("/books?author=" + p.id.text() + "&sort=author"));
    shown.set("person_role", p.role == "aut" ? "" : role_text(v.say, p.role));
    out.push_back(shown);
  }
  return out;
}

std::vector<view> facts(const visit& v, const library::book& b, const std::optional<std::int64_t>& length) {
  std::vector<view> out;
  auto add = [&](const char* key, const std::string& value) {
    view fact;
    fact.set("fact", v.say.text(key)).set("fact_value", value);
    if (!value.empty()) out.push_back(fact);
  };
  add("field.publisher", b.publisher);
  add("field.published", date_text(v.say, b.published_on));
  add("field.language", languages_text(v.say, b.languages));
  add("field.page_count", b.page_count ? v.say.number(*b.page_count) : "");
  std::int64_t sound = 0;
  for (const library::book_file& f : b.files) sound = std::max(sound, f.duration);  // formats of one recording, not its parts
  sound = length.value_or(sound);
  add("field.length", sound > 0 ? length_text(v.say, sound) : "");
  for (const auto& [name, value] : b.identifiers) {
    std::string key = "identifier." + name;
    if (v.say.has(key))
      add(key.c_str(), value);
    else
      add("identifier.other", std::string(name).append(" ").append(value));
  }
  return out;
}

std::vector<view> steps(const visit& v, const book_data& data) {
  std::vector<view> out;
  for (const neighbour& n : data.beside) {
    view one;
    one.set("step_href", v.href("/books/" + n.book.text())).set("step_rel", n.before ? "prev" : "next");
    one.set("step_words", v.say.say(n.before ? "book.before" : "book.after", {{"title", n.title}}));
    out.push_back(one);
  }
  return out;
}

void fill_book(const visit& v, const book_data& data, view& out) {
  const library::book& b = *data.book;
  out.set("book", b.id.text()).set("id", b.id.text()).set("heading", b.title).set("subtitle", b.subtitle);
  view shown = card(v.say, b);
  out.set("the_cover", std::move(shown)).set("authors", linked(v, b.authors)).set("contributors", linked(v, b.contributors));
  out.set("series", b.series).set("series_index", index_text(b));
  out.set("steps", steps(v, data));
  out.set("series_href", b.series_id ? v.href("/books?series=" + b.series_id->text() + "&sort=author") : "");
  out.set("description", b.description).set("facts", facts(v, b, data.length));
  out.set("status", b.status == "organized" ? "" : v.say.text("status." + b.status)).set("waits", b.status != "organized");
  std::vector<view> tags;
  for (const library::tag& t : b.tags) {
    view tag;
    tag.set("tag_name", t.name).set("tag_href", v.href("/books?tag=" + t.id.text()));
    tags.push_back(tag);
  }
  for (const std::string& g : b.genres) {
    view tag;
    tag.set("tag_name", g).set("tag_href", v.href("/books?q=" + percent_encode("tag:\"" + g + "\"")));
    tags.push_back(tag);
  }
  out.set("tags", tags);
}

}  // namespace

answer book_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  uuid id = id_param(c, "id");
  bool curates = v.may(library::capability::curate);
  const config* settings = curates ? &at.with.settings : nullptr;
  book_data data = co_await at.with.pool.snapshot(load_book, v.id(), id, settings);
  if (data.survivor) co_return http::redirect(v.href("/books/" + data.survivor->text()));
  if (!data.trashed_title.empty()) {
    view out;
    out.set("heading", data.trashed_title).set("book", id.text());
    co_return show(v, {data.trashed_title, "library"}, "book_trashed", std::move(out), 404);
  }
  if (!data.book) not_here(v);

  view out;
  fill_book(v, data, out);
  if (data.metadata) fill_metadata(v, id, *data.metadata, out);
  out.set("words_before", data.words.before).set("words_after", data.words.after);
  out.set("files", file_views(v, data, at.with.copies)).set("positions", position_views(v, data.positions));
  fill_about(v, data.about, out);
  fill_opinion(v.say, data.opinion, data.mark, out);
  std::vector<view> on;
  for (const library::shelf& s : data.on) on.push_back(shelf_line(v, s));
  out.set("on", on).set("shelf_choices", shelf_choices(v, data));
  if (data.duplicate_of) {
    out.set("duplicate_title", data.duplicate_of->title).set("duplicate_href", v.href("/books/" + data.duplicate_of->id.text()));
  }
  co_return show(v, {data.book->title, "library"}, "book", std::move(out));
}

answer book_approve(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::curate);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  std::optional<library::book> book = co_await at.with.pool.read(library::find_book, v.id(), id);
  if (!book) not_here(v);
  co_await at.with.pool.write(library::approve_book, id, v.actor());
  co_return done(v, back_path(form, "/books/" + id.text()), "book.approved", id.text());
}

answer book_shelve(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::shelve);
  uuid id = id_param(c, "id");
  http::form form(c.in);
  std::optional<uuid> shelf = id_of(form.text("shelf"));
  std::optional<library::book> book = co_await at.with.pool.read(library::find_book, v.id(), id);
  if (!book || !shelf) not_here(v);
  std::vector<uuid> books{id};
  int added = co_await at.with.pool.write(library::add_to_shelf, v.id(), *shelf, books);
  if (added == 0) not_here(v);
  co_return done(v, "/books/" + id.text() + "#shelves", "shelf.added", shelf->text(), id.text());
}

}  // namespace carrel::web

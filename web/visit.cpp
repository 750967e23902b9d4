#include "web/visit.hpp"

#include "library/catalog.hpp"
#include "server/core/text.hpp"
#include "web/format.hpp"

namespace carrel::web {
namespace {

constexpr db::statement sql_counts{"web.frame_counts", R"sql(
  select (select count(*) from visible_books($1) b where b.status <> 'organized'),
         (select count(*) from ingest_items i
           where state in ('rejected', 'failed') and dismissed_at is null and ($2 or user_id = $1)
             and created_at > (select errata_cut($1, 'failed'))
             and not (i.error_code in ('duplicate_trashed', 'recording_trashed') and exists (select from books b where b.id = i.book_id and b.deleted_at is null)))
         + case when $2 then (select count(*) from book_files f join visible_books($1) b on b.id = f.book_id
                               where f.missing_since > (select errata_cut($1, 'missing'))
                                  or f.damaged_since > (select errata_cut($1, 'damaged')))
                         + (select count(*) from library_files f join libraries l on l.id = f.library_id
                             where f.state = 'refused' and f.dismissed_at is null and l.removed_at is null
                               and f.found_at > (select errata_cut($1, 'places'))
                               and (select u.library_ids is null or l.id = any (u.library_ids) from users u where u.id = $1))
                         + (select count(*) from libraries l where l.trouble <> '' and l.removed_at is null
                               and coalesce(l.trouble_since, l.created_at) > (select errata_cut($1, 'folders'))
                               and (select u.library_ids is null or l.id = any (u.library_ids) from users u where u.id = $1))
                         + (select count(*) from organised_books o join visible_books($1) b on b.id = o.book_id
                             where o.problem <> '' and o.problem <> 'file_missing'
                               and o.at > (select errata_cut($1, 'unmoved')))
                         + (select count(*) from written_books w join visible_books($1) b on b.id = w.book_id and b.library_id = w.library_id
                              join libraries l on l.id = w.library_id and l.write_back <> ''
                             where w.state = 'failed' and w.problem <> 'file_missing'
                               and w.at > (select errata_cut($1, 'unwritten')))
                         + (select count(*) from (select from duplicate_candidates d
                                                    join visible_books($1) a on a.id = d.book_id join visible_books($1) o on o.id = d.other_id
                                                   where d.decision is null and d.kind <> 'similar'
                                                     and d.found_at > (select errata_cut($1, 'duplicates')) limit 1000) pairs) else 0 end
         + (select count(*) from documents where user_id = $1 and link = 'none' and document not like 'kobo:%' and document not like 'opds:%'
              and last_seen_at > (select errata_cut($1, 'unknown')))
         + (select count(*) from kobo_devices k join devices d on d.id = k.device_id and d.revoked_at is null
             left join kobo_suspicions s on s.kobo_id = k.id
             where d.user_id = $1 and (s.since > (select errata_cut($1, 'drift'))
                                     or (k.guarded_since > (select errata_cut($1, 'drift')) and not k.guard_lifted)))
         + (select count(*) from reading_progress_history where user_id = $1 and not accepted and settled_at is null
              and removed_at is null
              and created_at > (select errata_cut($1, 'held'))),
         (select count(*) from jobs where done_at is null and state in ('waiting', 'running') and ($3 or user_id = $1)))sql"};

struct frame_data {
  std::optional<library::user> user;
  frame_counts counts;
};

frame_data load_frame(db::tx& tx, const uuid& user) {
  frame_data out;
  out.user = library::find_user(tx, user);
  if (!out.user) return out;
  bool all = library::allows(out.user->may, library::capability::see_all_errata);
  bool runs = library::allows(out.user->may, library::capability::run_jobs);
  db::rows rows = tx.run(sql_counts, user, all, runs);
  out.counts = {rows[0].integer(0), rows[0].integer(1), rows[0].integer(2)};
  return out;
}

std::string_view header(const http::request& in, std::string_view name) { return in.header(name).value_or(std::string_view{}); }

// Readers with electronic paper get their theme without asking (product.md 11).
bool electronic_paper(const http::request& in) {
  std::string agent = lower_ascii(header(in, "User-Agent"));
  for (std::string_view known : {"kobo", "kindle/", "tolino", "pocketbook", "eink", "e-ink", "boox"}) {
    if (agent.find(known) != std::string::npos) return true;
  }
  return false;
}

std::string theme_of(const http::request& in, const std::optional<library::user>& user) {
  bool decided = user && !user->theme.empty() && user->theme != "system";
  std::string chosen = decided ? user->theme : std::string(in.cookie("carrel_theme").value_or("system"));
  if (chosen == "light" || chosen == "dark" || chosen == "eink") return chosen;
  return electronic_paper(in) ? "eink" : "system";
}

std::string number_or_nothing(const messages& say, std::int64_t n) { return n > 0 ? say.number(n) : ""; }

std::vector<view> theme_choices(const messages& say, const std::string& now) {
  std::vector<view> out;
  for (std::string theme : {"system", "light", "dark", "eink"}) {
    view v;
    v.set("value", theme).set("label", say.text("theme." + theme)).set("chosen", theme == now);
    out.push_back(v);
  }
  return out;
}

std::vector<view> spoken_choices(const languages& all, const messages& now) {
  std::vector<view> out;
  for (const auto& m : all.all()) {
    if (m->is_pseudo()) continue;
    view v;
    v.set("value", m->language()).set("label", m->text("language.name")).set("chosen", m.get() == &now);
    out.push_back(v);
  }
  return out;
}

// The account's own, else what was chosen in this browser's footer, else what the browser asks for.
const messages& words_for(const languages& all, const http::request& in, const std::optional<library::user>& user) {
  std::string_view chosen = user ? std::string_view(user->language) : std::string_view{};
  if (chosen.empty()) chosen = in.cookie("carrel_language").value_or(std::string_view{});
  return all.choose(chosen, header(in, "Accept-Language"));
}

void fill_account(const visit& v, view& out) {
  using library::capability;
  out.set("signed_in", v.user.has_value());
  if (!v.user) return;
  out.set("me", v.user->name).set("csrf", v.c.csrf);
  out.set("may_upload", v.may(capability::upload)).set("may_curate", v.may(capability::curate));
  out.set("may_run_jobs", v.may(capability::run_jobs)).set("may_administer", v.may(capability::administer));
  out.set("may_download", v.may(capability::download)).set("may_shelve", v.may(capability::shelve));
  out.set("inbox_count", number_or_nothing(v.say, v.counts.inbox));
  out.set("errata_count", number_or_nothing(v.say, v.counts.errata));
  out.set("jobs_count", number_or_nothing(v.say, v.counts.jobs));
}

void fill_head(const site& at, const http::request& in, const messages& say, const std::string& theme, view& out) {
  out.set("base", base_of(at, in)).set("lang", say.language()).set("dir", say.right_to_left() ? "rtl" : "ltr");
  out.set("theme", theme).set("themes", theme_choices(say, theme)).set("version", at.with.version);
  out.set("spoken", spoken_choices(at.words, say));
  out.set("css", at.files.path("carrel.css")).set("js", at.files.path("app.js"));
  out.set("icons", at.files.path("icons.svg")).set("mark", at.files.path("mark.svg"));
  out.set("here", in.target());
}

// "books.example.org" of an address, without the scheme: a proxy may have changed that and not said so.
std::string host_of(std::string_view address) {
  std::size_t slashes = address.find("//");
  if (slashes == std::string_view::npos) return {};
  address.remove_prefix(slashes + 2);
  std::string host = lower_ascii(address.substr(0, address.find('/')));
  for (std::string_view usual : {":443", ":80"}) {
    if (host.ends_with(usual)) host.resize(host.size() - usual.size());
  }
  return host;
}

bool same_place(std::string_view origin, std::string_view address) {
  std::string host = host_of(origin);
  return !host.empty() && host == host_of(address);
}

}  // namespace

void visit::need(library::capability what) const {
  if (!may(what)) throw http::problem{404, say.text("problem.404"), "not_found"};
}

task<visit> visit_of(const site& at, http::context& c) {
  frame_data data;
  if (c.who) data = co_await at.with.pool.read(load_frame, c.who->user);
  const messages& say = words_for(at.words, c.in, data.user);
  co_return visit{at, c, say, std::move(data.user), data.counts};
}

void page_headers(const site& at, const http::request& in, http::response& out) {
  out.set("Content-Security-Policy",
          "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
          "base-uri 'none'; frame-ancestors 'none'");
  out.set("Cache-Control", "private, no-store").set("Vary", "Cookie, Accept-Language");
  out.set("Link", "<" + at.with.links.pages(in) +
                      "/opds>; rel=\"alternate\"; type=\"application/atom+xml;profile=opds-catalog;kind=navigation\"");
}

http::response show(const visit& v, const page_head& head, std::string_view page, view filled, unsigned status) {
  fill_head(v.at, v.c.in, v.say, theme_of(v.c.in, v.user), filled);
  fill_account(v, filled);
  filled.set("title", head.title).set("document_title", v.say.say("document.title", {{"title", head.title}}));
  for (const char* place : {"home", "library", "shelves", "series", "authors", "devices", "inbox", "errata", "jobs", "libraries",
                            "people", "account", "upload"}) {
    filled.set("at_" + std::string(place), head.section == place);
  }
  undo_bar(v, filled);
  http::response out = http::html(v.at.pages.render(page, v.say, filled), status);
  page_headers(v.at, v.c.in, out);
  return out;
}

http::response problem_page(const site& at, const http::context& c, const http::problem& p) {
  const messages& say = words_for(at.words, c.in, std::nullopt);
  view filled;
  fill_head(at, c.in, say, theme_of(c.in, std::nullopt), filled);
  filled.set("signed_in", false).set("problem_id", c.request_id);
  std::string key = "problem." + std::to_string(p.status), code = "problem.code." + p.code;
  std::string title = say.has(key + ".title") ? say.text(key + ".title") : say.text("problem.other.title");
  std::string words = say.has(key)      ? say.text(key)
                      : say.has(code)   ? say.text(code)
                      : p.status >= 500 ? say.text("problem.500")
                                        : p.message;
  filled.set("title", title).set("document_title", say.say("document.title", {{"title", title}})).set("problem_words", words);
  filled.set("problem_lost", p.status >= 500);
  http::response out = http::html(at.pages.render("bare_problem", say, filled), p.status);
  for (const auto& [name, value] : p.headers) out.add(name, value);
  page_headers(at, c.in, out);
  return out;
}

// Browsers say where a form comes from: in Sec-Fetch-Site, on plain http in Origin only. Programs say nothing.
void refuse_foreign_form(const site& at, const http::request& in) {
  std::string_view from = header(in, "Sec-Fetch-Site"), origin = header(in, "Origin");
  if (from == "same-origin" || from == "none") return;
  bool ours = origin.empty() || same_place(origin, at.with.links.pages(in)) || same_place(origin, "//" + in.host());
  if (from.empty() && ours) return;
  throw http::problem{403, "The form came from another site.", "csrf"};
}

std::string base_of(const site& at, const http::request& in) {
  std::string prefix = in.prefix();
  while (prefix.ends_with('/')) prefix.pop_back();
  return prefix.empty() ? at.with.links.base_path() : prefix;
}

uuid id_param(const http::context& c, std::string_view name) {
  std::optional<uuid> id = uuid::parse(c.in.param(name));
  if (!id) throw http::problem{404, "Not found.", "not_found"};
  return *id;
}

std::optional<uuid> id_of(const std::optional<std::string>& text) { return text ? uuid::parse(*text) : std::nullopt; }

}  // namespace carrel::web

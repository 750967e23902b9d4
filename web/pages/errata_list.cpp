// `/errata/kinds/{kind}`: all there is of a kind, fifty at a time.

#include "web/pages/errata_list.hpp"

#include "web/format.hpp"
#include "web/pages/pages.hpp"

namespace carrel::web {
namespace {

constexpr std::size_t page_size = 50;

// One page; `next` leads behind its last thing.
template <class T>
std::string cut_page(std::vector<T>& all, uuid T::*id) {
  if (all.size() <= page_size) return "";
  all.resize(page_size);
  return "?after=" + (all.back().*id).text();
}

}  // namespace

std::vector<view> item_views(const visit& v, const std::vector<failed_item>& items, bool may_retry) {
  std::vector<view> out;
  for (const failed_item& f : items) {
    view one;
    one.set("item", f.id.text()).set("name", f.name).set("code", f.code).set("kept", f.kept).set("when", moment(v.say, f.since));
    one.set("detail", why_failed(v.say, f)).set("exactly", detail_text(v.say, f.detail));
    one.set("imported", f.imported).set("may_retry", may_retry && !f.imported);
    out.push_back(one);
  }
  return out;
}

std::vector<view> missing_views(const visit& v, const std::vector<missing_file>& files) {
  std::vector<view> out;
  for (const missing_file& f : files) {
    view one;
    one.set("book_title", f.title).set("book_href", v.href("/books/" + f.book.text() + "#files"));
    one.set("name", f.name).set("when", moment(v.say, f.since)).set("file", f.file.text()).set("book", f.book.text());
    out.push_back(one);
  }
  return out;
}

answer errata_kind_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  std::string kind(c.in.param("kind"));
  bool everybody = v.may(library::capability::see_all_errata);
  bool failed = kind == "failed";
  if (!failed && (kind != "missing" || !everybody)) not_here(v);
  std::optional<uuid> after = id_of(c.in.query("after"));
  int most = static_cast<int>(page_size) + 1;
  view out, pages;
  pages.set("previous", "");
  if (failed) {
    std::vector<failed_item> found = co_await at.with.pool.read(failed_items, v.id(), everybody, most, after);
    pages.set("next", cut_page(found, &failed_item::id));
    out.set("items", item_views(v, found, static_cast<bool>(at.with.retry_ingest))).set("nothing", found.empty());
  } else {
    std::vector<missing_file> found = co_await at.with.pool.read(missing_files, v.id(), most, after);
    pages.set("next", cut_page(found, &missing_file::file));
    out.set("missing", missing_views(v, found)).set("nothing", found.empty());
    out.set("may_look", static_cast<bool>(at.with.libraries.look_again));
  }
  std::string title = v.say.text("errata." + kind);
  out.set("heading", title).set("about", v.say.text("errata." + kind + "_about")).set("pager", pages);
  co_return show(v, {title, "errata"}, "errata_kind", std::move(out));
}

}  // namespace carrel::web

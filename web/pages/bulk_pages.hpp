#pragma once
// Pages about many books at once: bulk runs, tables as CSV, and the files that wait to be deleted.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "library/bulk.hpp"
#include "server/http/router.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {

// Everything of this header and the cells of the table.
void mount_bulk(const site&, http::router&);
// A form whose token is inside its multipart body.
void mount_bulk_uploads(const site&, http::router&);

// What the bar above a list asks for.
struct choice {
  std::string act;
  std::vector<uuid> books;
  std::optional<library::filter> all;  // that match it
  std::optional<uuid> shelf;
};
choice choice_in(const visit&, const http::form&);
answer export_chosen(const site&, http::context&);
answer ask_chosen(const site&, http::context&);

answer bulk_list_page(const site&, http::context&);
answer bulk_start(const site&, http::context&);
answer bulk_page(const site&, http::context&);
answer bulk_plan(const site&, http::context&);
answer bulk_begin(const site&, http::context&);
answer bulk_undo(const site&, http::context&);
answer bulk_cancel(const site&, http::context&);
answer bulk_go_on(const site&, http::context&);
answer bulk_drop(const site&, http::context&);

// Which edits a form asks for, and what is wrong with them, by the id of the field on the page.
using wrong_fields = std::map<std::string, std::string>;
std::vector<library::bulk_edit> edits_in(const http::form&, const visit&, wrong_fields&);
void fill_edit_form(const visit&, const http::form* typed, const wrong_fields&, view& out);
// "Ursula K. Le Guin, Ada Palmer", "Coast 2", "yes": a value of a change as people read it.
std::string value_text(const messages&, const std::string& field, const json::value&);

answer csv_export(const site&, http::context&);
answer csv_import_page(const site&, http::context&);
answer csv_import(const site&, http::context&);

view due(const messages&, instant);  // a day to come, for the part "time"
answer attic_page(const site&, http::context&);
answer attic_download(const site&, http::context&);
answer attic_restore(const site&, http::context&);
answer quarantine_page(const site&, http::context&);
answer quarantine_download(const site&, http::context&);
answer quarantine_retry(const site&, http::context&);
answer quarantine_discard(const site&, http::context&);
answer quarantine_keep(const site&, http::context&);

}  // namespace carrel::web

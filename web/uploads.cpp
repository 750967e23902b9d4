#include "web/uploads.hpp"

#include <map>
#include <system_error>

#include "publication/metadata.hpp"
#include "server/core/digest.hpp"
#include "server/http/multipart.hpp"

namespace carrel::web {
namespace {

constexpr db::statement sql_sent{"web.sent_items", R"sql(
  select i.id, i.display_name, i.state, i.error_code, i.error_detail, b.id, i.created_at
    from ingest_items i
    left join visible_books($1) b on b.id = i.book_id
   where i.user_id = $1 and i.source = 'upload'
   order by i.created_at desc, i.id desc
   limit $2)sql"};

constexpr db::statement sql_items{"web.items_of_jobs", R"sql(
  select i.id, i.display_name, i.state, i.error_code, i.error_detail, b.id, i.file_id
    from ingest_items i
    left join visible_books($1) b on b.id = i.book_id
   where i.id = any ($2::uuid[]))sql"};

const char* outcome_of(std::string_view state) {
  if (state == "organised" || state == "inbox") return "added";
  if (state == "duplicate") return "duplicate";
  if (state == "rejected") return "refused";
  if (state == "failed") return "failed";
  return state == "vanished" ? "gone" : nullptr;
}

void add_outcome(json::object& job, const db::row& r) {
  const char* outcome = outcome_of(r.view(2));
  std::string code = r.text(3);
  bool bad = r.view(2) == "rejected" || r.view(2) == "failed";
  job.set("item", r.id(0)).set("name", r.text(1)).set("outcome", outcome ? json::value(outcome) : json::value());
  std::optional<uuid> book = r.maybe_id(5);
  job.set("book", book).set("file", book ? r.maybe_id(6) : std::nullopt);
  job.set("error_code", bad ? json::value(code) : json::value());
  if (bad) job.set("error", publication::message_for(code, r.text(4)));
}

result<std::vector<http::part>> split(const std::filesystem::path& body, const std::string& type,
                                      const std::filesystem::path& folder) {
  return http::split_multipart(body, type, folder);
}

void remove_file(const std::filesystem::path& file) {
  std::error_code ignored;
  std::filesystem::remove(file, ignored);
}

}  // namespace

task<parts_of_upload> split_upload(const site& at, http::context& c) {
  std::string type(c.in.header("Content-Type").value_or(std::string_view{}));
  std::filesystem::path body = c.in.body_file(), folder = at.with.upload_dir;
  result<std::vector<http::part>> parts = co_await at.with.cpu.run(split, body, type, folder);
  if (!parts) throw http::problem{400, "The upload is not a form with files.", "multipart"};
  parts_of_upload out;
  for (const http::part& p : *parts) {
    if (p.name == "csrf" && p.file.empty()) out.csrf = p.text;
    if (p.file.empty()) continue;
    // A file field that was left empty is a part without a name and without bytes.
    bool sent = !p.file_name.empty() || p.size > 0;
    if (sent && p.name == "file") {
      out.files.emplace_back(p.file, p.file_name);
    } else {
      remove_file(p.file);
    }
  }
  co_return out;
}

void drop_parts(const parts_of_upload& parts) {
  for (const auto& [file, name] : parts.files) remove_file(file);
}

void check_token(const http::context& c, const parts_of_upload& parts) {
  std::string sent(c.in.header("X-CSRF-Token").value_or(std::string_view(parts.csrf)));
  if (!c.csrf.empty() && equal_constant_time(sent, c.csrf)) return;
  drop_parts(parts);
  throw http::problem{403, "The form was too old. Load the page again.", "csrf"};
}

task<std::vector<received>> accept_all(const site& at, parts_of_upload parts, uuid user) {
  std::vector<received> out;
  for (const auto& [file, name] : parts.files) {
    upload_result outcome = co_await at.with.cpu.run(at.with.accept_upload, file, name, user);
    out.push_back({name, std::move(outcome)});
  }
  co_return out;
}

std::vector<json::object> describe_jobs(db::tx& tx, const uuid& viewer, const std::vector<jobs::job>& all) {
  std::vector<json::object> out;
  std::vector<uuid> items;
  for (const jobs::job& j : all) {
    out.push_back(jobs::to_json(j));
    std::optional<uuid> item = uuid::parse(j.payload_text("item"));
    if (j.kind == "ingest.file" && item) items.push_back(*item);
  }
  if (items.empty()) return out;
  std::map<uuid, db::row> known;
  db::rows rows = tx.run(sql_items, viewer, items);
  for (const db::row& r : rows) known.emplace(r.id(0), r);
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::optional<uuid> item = uuid::parse(all[i].payload_text("item"));
    auto found = item ? known.find(*item) : known.end();
    if (all[i].kind == "ingest.file" && found != known.end()) add_outcome(out[i], found->second);
  }
  return out;
}

std::vector<sent_item> sent_items(db::tx& tx, const uuid& user, int most) {
  std::vector<sent_item> out;
  for (const db::row& r : tx.run(sql_sent, user, most)) {
    out.push_back({r.id(0), r.text(1), r.text(2), r.text(3), r.text(4), r.maybe_id(5), r.at(6)});
  }
  return out;
}

}  // namespace carrel::web

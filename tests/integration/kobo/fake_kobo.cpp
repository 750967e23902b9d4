#include "tests/integration/kobo/fake_kobo.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "server/core/digest.hpp"
#include "server/core/uuid.hpp"
#include "tests/harness/gzip.hpp"
#include "tests/harness/wire.hpp"

namespace carrel::kobo::tests {
namespace {

constexpr std::size_t largest_head = 2048, longest_token = 300, at_once = 5;
constexpr int most_pages = 60;
// Firmware writes these brackets as they are; a parser that minds them ends the visit (3).
constexpr const char* asked_assets =
    R"(?DiffRequests=[{Key:dictionaries,Value:{en,de}},{"Key":"fonts","Value":[]}]&PlatformId=00000000-0000-0000-0000-000000000390)";
constexpr const char* asked_books = "?Filter=ALL&DownloadUrlFilter=Generic,Android&PrioritizeRecentReads=true";

json::value parsed(const std::string& text) {
  result<json::value, json::failure> v = json::parse(text);
  INFO(text);
  REQUIRE(v);
  return *v;
}

json::object object_in(const json::value& v) {
  INFO(json::dump(v));
  REQUIRE(v.as_object() != nullptr);
  return *v.as_object();
}

std::string text_in(const json::object& o, std::string_view name) {
  std::string out;
  INFO(name << " in " << json::dump(o));
  REQUIRE(o.take(name, out));
  REQUIRE_FALSE(out.empty());
  return out;
}

json::object file_of(const json::object& metadata) { return object_in(metadata.find("DownloadUrls")->as_array()->front()); }

std::string replaced(std::string in, const std::string& what, const std::string& with) {
  std::size_t at = in.find(what);
  INFO(what << " in " << in);
  REQUIRE(at != std::string::npos);
  return in.replace(at, what.size(), with);
}

std::string image_of(const json::object& metadata) {
  std::string out;
  metadata.take("CoverImageId", out);
  return out;
}

}  // namespace

fake_kobo::fake_kobo(traits how, unsigned port, std::string endpoint)
    : how_(std::move(how)), port_(port), base_(std::move(endpoint)) {
  std::size_t host = base_.find("://") + 3, end = base_.find('/', host);
  site_ = base_.substr(0, end);
  host_ = base_.substr(host, end - host);
  if (!how_.port_in_host) host_ = host_.substr(0, host_.find(':'));
  r.base = base_ + "/download/";
  r.keeps = how_.keeps;
}

std::string fake_kobo::request(const std::string& method, const std::string& target, tone t, const headers& more,
                               const std::string& body) const {
  headers h{{"Host", host_}, {"Connection", "close"}, {"Accept-Encoding", "gzip"}};
  h.emplace_back("User-Agent", "Mozilla/5.0 (Linux; U; Android 2.0; en-us;) AppleWebKit/538.1 (Kobo Touch 0390/4.45.23792)");
  // Nothing tells whose request for a file it is but its path (12).
  if (t != tone::file) {
    h.insert(h.end(), {{"Accept", "application/json"},
                       {"x-kobo-affiliatename", "Kobo"},
                       {"x-kobo-appversion", "4.45.23792"},
                       {"x-kobo-devicemodel", "Kobo Clara BW"},
                       {"x-kobo-deviceos", "4.1.15"},
                       {"x-kobo-platformid", "00000000-0000-0000-0000-000000000390"},
                       {"x-kobo-userkey", ""}});
    if (!bearer_.empty()) h.emplace_back("Authorization", "Bearer " + bearer_);
    if (t == tone::usual && how_.tells_device) h.emplace_back("x-kobo-deviceid", sha256_hex(how_.name));
  }
  h.insert(h.end(), more.begin(), more.end());
  if (!body.empty()) h.emplace_back("Content-Length", std::to_string(body.size()));
  std::string out = method + " " + target + " HTTP/1.1\r\n";
  for (const auto& [name, value] : h) out.append(name).append(": ").append(value).append("\r\n");
  return out + "\r\n" + body;
}

kosync::tests::reply fake_kobo::ask(const std::string& method, const std::string& url, tone t, const headers& more,
                                    const std::string& body) {
  INFO(method << " " << url);
  REQUIRE(url.starts_with(site_ + "/"));
  std::string raw = harness::exchange(port_, request(method, url.substr(site_.size()), t, more, body));
  harness::answer a = harness::parse_answer(raw);
  INFO(raw.substr(0, raw.find("\r\n\r\n")));
  bool elsewhere = a.status == 307 && method == "GET";  // anything else would arrive there as a GET (3)
  REQUIRE((a.status == 200 || a.status == 204 || elsewhere));
  CHECK(raw.find("\r\n\r\n") + 4 < largest_head);
  CHECK(harness::find_header(a.head, "transfer-encoding").empty());
  CHECK(harness::find_header(a.head, "set-cookie").empty());
  std::string length = harness::find_header(a.head, "content-length");
  if (a.status == 200 || !length.empty()) REQUIRE(length == std::to_string(a.body.size()));
  if (harness::find_header(a.head, "content-encoding") == "gzip") a.body = harness::unpacked(std::move(a.body));
  reply got{.status = a.status, .fields = std::move(a.head), .body = std::move(a.body)};
  return elsewhere ? follow(got, t) : got;
}

// To another host of this machine, with the device's own headers and without a word of where it comes from.
kosync::tests::reply fake_kobo::follow(const reply& sent_away, tone t) {
  const std::string url = sent_away.header("location");
  INFO(url);
  CHECK(url.find(base_.substr(base_.rfind('/') + 1)) == std::string::npos);
  CHECK(sent_away.header("referrer-policy") == "no-referrer");
  constexpr std::string_view machine = "http://127.0.0.1:";
  REQUIRE(url.starts_with(machine));
  const std::size_t path = url.find('/', machine.size());
  const auto port = static_cast<unsigned>(std::stoul(url.substr(machine.size(), path - machine.size())));
  harness::answer a = harness::parse_answer(harness::exchange(port, request("GET", url.substr(path), t, {}, "")));
  REQUIRE(a.status == 200);
  return {.status = a.status, .fields = std::move(a.head), .body = std::move(a.body)};
}

json::value fake_kobo::get(const std::string& url, tone t) {
  reply got = ask("GET", url, t);
  INFO(url);
  CHECK(got.header("content-type") == "application/json; charset=utf-8");
  return parsed(got.body);
}

json::object fake_kobo::post(const std::string& url, const std::string& body, tone t) {
  return object_in(parsed(ask("POST", url, t, {{"Content-Type", "application/json"}}, body).body));
}

std::string fake_kobo::given(const std::string& key) const {
  std::string url = text_in(map_, key);
  INFO(key << " " << url);
  REQUIRE((url == base_ || url.starts_with(base_ + "/")));
  return url;
}

std::string fake_kobo::given(const std::string& key, const std::string& placeholder, const std::string& value) const {
  return replaced(given(key), placeholder, value);
}

void fake_kobo::start() {
  reply got = ask("GET", base_ + "/v1/initialization", tone::first_contact);
  CHECK(got.header("x-kobo-apitoken") == "e30=");
  json::object all = object_in(parsed(got.body));
  REQUIRE(all.find("Resources") != nullptr);
  map_ = object_in(*all.find("Resources"));
  CHECK(map_.size() > 100);
  CHECK(got.body.find("storeapi.kobo.com") == std::string::npos);
  REQUIRE(text_in(map_, "reading_services_host") == site_);
}

void fake_kobo::sign_in() {
  json::object found = object_in(get(given("oauth_host") + "/.well-known/openid-configuration", tone::first_contact));
  std::string url = text_in(found, "token_endpoint");
  REQUIRE(url.starts_with(base_ + "/"));
  reply got = ask("POST", url, tone::first_contact, {{"Content-Type", "application/x-www-form-urlencoded"}},
                  "grant_type=refresh_token&client_id=nickel&refresh_token=" + refresh_);
  json::object token = object_in(parsed(got.body));
  CHECK(text_in(token, "token_type") == "Bearer");
  text_in(token, "user_id");
  std::int64_t lasts = 0;
  CHECK((token.take("expires_in", lasts) && lasts > 30'000'000));
  bearer_ = text_in(token, "access_token");
  refresh_ = text_in(token, "refresh_token");
}

// Once with what it is, and from then on with what it got.
void fake_kobo::sign_in_the_older_way() {
  bool first = refresh_.empty();
  json::object about{{"AffiliateName", "Kobo"}, {"AppVersion", "4.28.18220"}, {"ClientKey", "MDAw"}, {"PlatformId", "390"}};
  if (first && how_.tells_device) about.set("DeviceId", sha256_hex(how_.name));
  if (!first) about.set("RefreshToken", refresh_);
  json::object got = post(given(first ? "device_auth" : "device_refresh"), json::dump(about), tone::first_contact);
  CHECK(text_in(got, "TokenType") == "Bearer");
  CHECK(uuid::parse(text_in(got, "TrackingId")));
  REQUIRE(got.find("UserKey") != nullptr);
  bearer_ = text_in(got, "AccessToken");
  refresh_ = text_in(got, "RefreshToken");
}

void fake_kobo::look_around() {
  CHECK(object_in(get(given("user_profile"))).find("UserId") != nullptr);
  CHECK(object_in(get(given("user_loyalty_benefits"))).find("Benefits") != nullptr);
  CHECK(get(given("book_subscription")).as_array() != nullptr);
  CHECK(object_in(get(given("deals"))).find("Deals") != nullptr);
  CHECK(object_in(get(given("assets") + asked_assets)).find("AssetGroups") != nullptr);
  json::object tests = post(given("get_tests_request"), R"({"AffiliateName":"Kobo","TestKey":"some-key"})");
  CHECK(text_in(tests, "Result") == "Success");
  CHECK(text_in(tests, "TestKey") == "some-key");
}

// Of a sync that came to no end it says so when it is next heard (17.8, H5).
void fake_kobo::complain() {
  json::array events, ids;
  for (; failures_ > 0; --failures_) {
    ids.push_back(uuid::make().text());
    events.push_back(json::object{{"Id", ids.back()},
                                  {"EventType", "FailedSync"},
                                  {"Timestamp", "2026-03-06T21:30:44Z"},
                                  {"Attributes", json::object{{"Reason", "WebRequestErr"}}},
                                  {"Metrics", json::object{}}});
  }
  if (events.empty()) return;
  json::object got = post(given("post_analytics_event"), json::dump(json::object{{"Events", std::move(events)}}));
  CHECK(text_in(got, "Result") == "Success");
  REQUIRE(got.find("AcceptedEvents") != nullptr);
  CHECK(json::dump(*got.find("AcceptedEvents")) == json::dump(ids));
}

void fake_kobo::read(const std::string& id, int percent, const std::string& at) {
  r.positions[id] = at;
  percents[id] = percent;
  read_here_[id] = at;
}

void fake_kobo::highlight(const std::string& id) {
  std::string note = uuid::make().text();
  notes[id].insert(note);
  highlighted_[id] = note;
}

// As it was when the book was closed: where it was left, then what was marked in it.
void fake_kobo::tell() {
  for (const auto& [id, at] : read_here_) {
    json::object place{{"Source", "OEBPS/c1.xhtml"}, {"Type", "KoboSpan"}, {"Value", "kobo.12.3"}};
    json::object bookmark{{"ContentSourceProgressPercent", 50},
                          {"LastModified", at},
                          {"Location", std::move(place)},
                          {"ProgressPercent", percents[id]}};
    json::object state{{"CurrentBookmark", std::move(bookmark)},
                       {"EntitlementId", id},
                       {"LastModified", at},
                       {"Statistics", json::object{{"LastModified", at}, {"SpentReadingMinutes", 7}}},
                       {"StatusInfo", json::object{{"LastModified", at}, {"Status", "Reading"}}}};
    std::string body = json::dump(json::object{{"ReadingStates", json::array{std::move(state)}}});
    reply got = ask("PUT", given("reading_state", "{Ids}", id), tone::usual, {{"Content-Type", "application/json"}}, body);
    check_values(parsed(got.body), base_);
    CHECK(text_in(object_in(parsed(got.body)), "RequestResult") == "Success");
    CHECK(got.body.find(R"("CurrentBookmarkResult":{"Result":"Success"})") != std::string::npos);
  }
  for (const auto& [id, note] : highlighted_) {
    json::object made{{"id", note},
                      {"type", "highlight"},
                      {"highlightedText", "warm"},
                      {"clientLastModifiedUtc", "2026-03-06T21:30:44Z"},
                      {"location", json::object{{"span", json::object{{"chapterFilename", "OEBPS/c1.xhtml"}}}}}};
    json::object change{{"updatedAnnotations", json::array{std::move(made)}}, {"deletedAnnotationIds", json::array{}}};
    CHECK(ask("PATCH", site_ + "/api/v3/content/" + id + "/annotations", tone::usual, {}, json::dump(change)).status == 204);
  }
  read_here_.clear();
  highlighted_.clear();
}

void fake_kobo::take(const json::value& item) {
  const std::string kind = kind_of(item), id = id_of(item);
  const json::object& inside = *item.as_object()->members().front().second.as_object();
  const std::string before = r.positions[id];
  r.apply(item);
  if (kind.ends_with("Tag")) return;
  if (!r.library.contains(id)) {
    shown_.erase(id);
    notes.erase(id);
    std::erase(fresh_, id);
  } else if (kind != "ChangedReadingState") {
    shown_[id] = object_in(*inside.find("BookMetadata"));
    if (kind == "NewEntitlement" && std::find(fresh_.begin(), fresh_.end(), id) == fresh_.end()) fresh_.push_back(id);
  }
  const json::value* state = inside.find("ReadingState");
  if (state == nullptr || r.positions[id] == before) return;
  std::int64_t percent = 0;
  object_in(*state->as_object()->find("CurrentBookmark")).take("ProgressPercent", percent);
  percents[id] = percent;
}

bool fake_kobo::sync(outcome& out, const accident& a) {
  for (std::string shown = r.token;;) {
    REQUIRE(out.pages < most_pages);
    headers h;
    if (!shown.empty()) h.emplace_back("x-kobo-synctoken", shown);
    bool here = ++out.pages == a.page;
    if (here && a.what == mishap::lost_request) return false;
    reply got = ask("GET", given("library_sync") + asked_books, tone::usual, h);
    if (here && a.what == mishap::lost_answer) return false;
    CHECK(got.header("content-type") == "application/json; charset=utf-8");
    json::array items = items_of(got.body);
    check_page(items, base_);
    std::size_t kept = here && a.what == mishap::cut_answer ? std::min(a.items, items.size()) : items.size();
    for (std::size_t i = 0; i < kept; ++i) {
      take(items[i]);
      out.kinds.push_back(kind_of(items[i]));
    }
    if (here && a.what != mishap::none) return false;
    const std::string token = got.header("x-kobo-synctoken"), more = got.header("x-kobo-sync");
    REQUIRE_FALSE(token.empty());
    CHECK(token.size() <= longest_token);
    CHECK((more.empty() || more == "continue"));
    if (how_.keeps == token_use::per_page || (how_.keeps != token_use::none && more.empty())) r.token = token;
    if (more.empty()) return true;
    shown = r.next_token(shown, token);
  }
}

void fake_kobo::show_inventory() {
  json::array held;
  for (const auto& [id, book] : r.library)
    held.push_back(json::object{{"ContentId", id}, {"etag", notes[id].empty() ? "W/\"0\"" : "W/\"1\""}});
  reply got = ask("POST", site_ + "/api/v3/content/checkforchanges", tone::usual, {{"Content-Type", "application/json"}},
                  json::dump(held));
  json::value named = parsed(got.body);
  REQUIRE(named.as_array() != nullptr);
  for (const json::value& id : *named.as_array()) {
    REQUIRE(id.as_text() != nullptr);
    fetch_notes(*id.as_text());
  }
  CHECK(object_in(get(site_ + "/api/UserStorage/Metadata")).find("metadata") != nullptr);
}

// What is not in the answer is deleted here (15).
void fake_kobo::fetch_notes(const std::string& id) {
  INFO("highlights of " << id);
  std::string url = site_ + "/api/v3/content/" + id + "/annotations?limit=100";
  reply got = ask("GET", url, tone::usual, {{"If-None-Match", notes[id].empty() ? "W/\"0\"" : "W/\"1\""}});
  REQUIRE(got.status == 200);
  CHECK(got.header("etag").starts_with("W/\""));
  json::object all = object_in(parsed(got.body));
  REQUIRE(all.find("annotations") != nullptr);
  REQUIRE(all.find("annotations")->as_array() != nullptr);
  CHECK((all.find("nextPageOffsetToken") != nullptr && all.find("nextPageOffsetToken")->is_null()));
  notes[id].clear();
  for (const json::value& note : *all.find("annotations")->as_array()) notes[id].insert(text_in(object_in(note), "id"));
}

int fake_kobo::fetch_covers() {
  int count = 0;
  for (const auto& [id, metadata] : shown_) {
    std::string image = image_of(metadata);
    if (image.empty() || !covers.insert(image).second) continue;
    std::string url = given(how_.quality ? "image_url_quality_template" : "image_url_template", "{ImageId}",
                            (how_.doubled_slash ? "/" : "") + image);
    url = replaced(replaced(url, "{Width}", "355"), "{Height}", "530");
    if (how_.quality) url = replaced(replaced(url, "{Quality}", "80"), "{IsGreyscale}", "True");
    CHECK(url.find('{') == std::string::npos);
    reply got = ask("GET", url, tone::usual);
    CHECK(got.header("content-type") == "image/jpeg");
    CHECK(got.body.starts_with("\xFF\xD8\xFF"));
    // Of the book, and not what stands for a book without one.
    CHECK(got.header("cache-control") != "no-store");
    ++count;
  }
  return count;
}

void fake_kobo::fetch_file(const std::string& id, const json::object& metadata) {
  json::object file = file_of(metadata);
  std::int64_t size = 0;
  REQUIRE(file.take("Size", size));
  reply got = ask("GET", text_in(file, "Url"), tone::file);
  CHECK(got.header("content-type") == "application/epub+zip");
  CHECK(got.header("content-encoding").empty());
  REQUIRE(got.body.size() == static_cast<std::size_t>(size));
  r.files[id] = size;
}

int fake_kobo::fetch_books() {
  if (fresh_.size() > at_once) fresh_.resize(at_once);
  for (const std::string& id : fresh_) {
    json::object metadata = shown_.at(id);
    if (how_.asks_metadata) {
      json::value got = get(given("library_metadata", "{Ids}", id));
      REQUIRE(got.as_array() != nullptr);
      REQUIRE(got.as_array()->size() == 1);
      check_values(got, base_);
      metadata = object_in(got.as_array()->front());
      check_metadata(metadata, id, true);
      CHECK(json::dump(file_of(metadata)) == json::dump(file_of(shown_.at(id))));
      CHECK(image_of(metadata) == image_of(shown_.at(id)));
    }
    if (how_.notes_first) fetch_notes(id);
    fetch_file(id, metadata);
    if (!how_.notes_first) fetch_notes(id);
  }
  int count = static_cast<int>(fresh_.size());
  fresh_.clear();
  return count;
}

outcome fake_kobo::visit(const accident& a) {
  outcome out;
  start();
  how_.new_firmware ? sign_in() : sign_in_the_older_way();
  look_around();
  complain();
  if (how_.states_first) tell();
  if (!sync(out, a)) {
    if (a.what != mishap::crash) ++failures_;
    return out;
  }
  if (!how_.states_first) tell();
  show_inventory();
  out.covers = fetch_covers();
  out.downloads = fetch_books();
  out.whole = true;
  return out;
}

}  // namespace carrel::kobo::tests

#include "server/app.hpp"

#include <unistd.h>

#include <map>
#include <thread>

#include "ingest/in_place_watch.hpp"
#include "ingest/jobs.hpp"
#include "ingest/library_acts.hpp"
#include "ingest/merging.hpp"
#include "ingest/organise.hpp"
#include "ingest/own_cover.hpp"
#include "ingest/pipeline.hpp"
#include "ingest/recover.hpp"
#include "ingest/replace.hpp"
#include "ingest/sources/all_sources.hpp"
#include "ingest/upload.hpp"
#include "ingest/watcher.hpp"
#include "ingest/write_back.hpp"
#include "kobo/routes.hpp"
#include "kosync/routes.hpp"
#include "library/bridge.hpp"
#include "library/cover_cache.hpp"
#include "library/delivered_copies.hpp"
#include "library/instance.hpp"
#include "library/position.hpp"
#include "library/position_remove.hpp"
#include "library/rule_work.hpp"
#include "library/setting.hpp"
#include "library/source_queue.hpp"
#include "library/user.hpp"
#include "opds/outline_job.hpp"
#include "opds/routes.hpp"
#include "server/auth/cpu_pool.hpp"
#include "server/auth/credentials.hpp"
#include "server/core/log.hpp"
#include "server/core/metrics.hpp"
#include "server/db/notify.hpp"
#include "server/health.hpp"
#include "server/http/client.hpp"
#include "server/http/links.hpp"
#include "server/http/server.hpp"
#include "server/jobs/worker.hpp"
#include "server/version.hpp"
#include "web/bulk_jobs.hpp"
#include "web/routes.hpp"

namespace carrel {
namespace {

// What the device-only listener serves (product.md 5).
bool is_device_path(std::string_view path) {
  for (std::string_view prefix : {"/opds", "/kosync", "/kobo", "/dav", "/covers", "/api/v3/content", "/api/UserStorage",
                                  "/api/internal/notebooks", "/users", "/syncs", "/healthcheck", "/healthz", "/robots.txt"}) {
    if (path == prefix || (path.starts_with(prefix) && path[prefix.size()] == '/')) return true;
  }
  return false;
}

std::string process_name() {
  char host[256] = "localhost";
  ::gethostname(host, sizeof host - 1);
  return std::string(host) + ":" + std::to_string(::getpid());
}

void add_listeners(std::vector<http::listen_address>& out, const config& c, const char* key, http::listen_address::role role) {
  for (const std::string& text : c.list(key)) out.push_back({.text = text, .serves = role});
}

void observe(unsigned status, http::verb, std::string_view pattern, std::chrono::nanoseconds took) {
  // One series per route and status class; the handles are found by the registry itself.
  std::string group = pattern.empty() ? "none" : std::string(pattern);
  static thread_local std::map<std::pair<std::string, unsigned>, metrics::histogram> known;
  auto key = std::pair(group, status / 100);
  auto at = known.find(key);
  if (at == known.end()) {
    metrics::labels labels{{"route", group}, {"status", std::to_string(status / 100) + "xx"}};
    at = known.emplace(key, metrics::make_histogram("carrel_http_seconds", "time of requests by route and status class", labels))
             .first;
  }
  at->second.observe(std::chrono::duration<double>(took).count());
}

http::server_options options_from(const config& c, const library::store& store) {
  http::server_options o;
  add_listeners(o.listen, c, "listen", http::listen_address::role::main);
  add_listeners(o.listen, c, "listen.devices", http::listen_address::role::devices);
  add_listeners(o.listen, c, "listen.metrics", http::listen_address::role::metrics);
  unsigned cores = work_threads(c);
  o.threads = cores <= 2 ? 1 : cores / 2;
  o.max_header = c.bytes("http.max_header");
  o.header_timeout = c.duration("http.header_timeout");
  o.idle_timeout = c.duration("http.idle_timeout");
  o.max_connections = static_cast<unsigned>(c.integer("http.max_connections"));
  o.per_address = static_cast<unsigned>(c.integer("http.per_address"));
  o.trusted_proxies = c.list("trusted_proxies");
  o.tls_cert = c.text("tls.cert");
  o.tls_key = c.text("tls.key");
  o.upload_dir = store.data() / "staging";
  o.observe = observe;
  o.device_path = is_device_path;
  return o;
}

bool database_away(const std::exception& e) {
  return dynamic_cast<const db::lost*>(&e) != nullptr || dynamic_cast<const db::busy*>(&e) != nullptr;
}

}  // namespace

// Members are made from top to bottom and destroyed the other way round.
struct app::parts {
  environment base;
  const config& settings;
  db::pool& pool;
  http::links links;
  publication::isolated::pool inspectors, page_readers;  // the second for people who wait
  auth::cpu_pool cpu, patient;
  http::client client;
  db::notifier notifier;
  auth::credentials credentials;
  health state;
  jobs::workers workers;
  jobs::schedule schedule;
  kobo::artifacts made;
  library::delivered_copies copies;
  library::bridge places;
  library::rule_work rules;
  ingest::services ingest;
  ingest::sources::fetcher sources;
  ingest::watcher watcher;
  ingest::library_watcher library_watcher;
  kosync::api kosync_api;
  opds::api opds_api;
  kobo::api kobo_api;
  web::api web_api;
  web::pages pages;
  http::router main, metrics;
  http::server server;

  explicit parts(environment e);
  void mount();
  void later(std::function<void()> work) { cpu.post(std::move(work)); }
  std::optional<std::filesystem::path> cover(const library::cover_ref& c, int size) {
    return library::cover_cache(base.store, c, size);
  }
  library::bridge_services for_places();
  kosync::services for_kosync();
  opds::services for_opds();
  kobo::services for_kobo();
  web::services for_web();
  web::library_work for_libraries();
  bool retry(const uuid& item);
  void forget_positions(std::chrono::milliseconds kept);
  void forget_removed_positions();
  void look_for_files();
  web::upload_result accept(const std::filesystem::path& file, const std::string& name, const uuid& user);
};

library::bridge_services app::parts::for_places() {
  return {.pool = pool,
          .files = base.store,
          .readers = inspectors,
          .made = [this](const uuid& file, const std::string& koreader_md5) { return made.find_made(file, koreader_md5); },
          .policy = {.policy = settings.text("kosync.policy"), .hold_stale = false}};
}

kosync::services app::parts::for_kosync() {
  return {.pool = pool,
          .credentials = credentials,
          .cpu = cpu,
          .settings = settings,
          .moved = [this](const uuid& user, const std::string& document) { places.moved(user, document); }};
}

opds::services app::parts::for_opds() {
  return {.pool = pool,
          .credentials = credentials,
          .store = base.store,
          .links = links,
          .settings = settings,
          .cpu = cpu,
          .later = [this](std::function<void()> w) { later(std::move(w)); },
          .cover = [this](const library::cover_ref& c, int size) { return cover(c, size); },
          .readers = page_readers,
          .fetched = [this](const uuid& user, const uuid& file, const std::string& copy) { places.fetched(user, file, copy); },
          .moved = [this](const uuid& user, const std::string& document) { places.moved(user, document); },
          .copies = &copies};
}

kobo::services app::parts::for_kobo() {
  return {.pool = pool,
          .credentials = credentials,
          .store = base.store,
          .links = links,
          .settings = settings,
          .cpu = cpu,
          .client = client,
          .patient = patient,
          .made = made,
          .moved = [this](const uuid& user, const std::string& document) { places.moved(user, document); }};
}

web::services app::parts::for_web() {
  return {.pool = pool,
          .credentials = credentials,
          .cpu = cpu,
          .store = base.store,
          .links = links,
          .settings = settings,
          .version = version,
          .upload_dir = base.store.data() / "staging",
          .accept_upload = [this](const std::filesystem::path& file, const std::string& name,
                                  uuid user) { return accept(file, name, user); },
          .cover = [this](const library::cover_ref& c, int width) { return cover(c, width); },
          .replace_file = [this](uuid file, const std::filesystem::path& bytes,
                                 const library::actor& who) { return ingest::replace_file(ingest, file, bytes, who); },
          .set_cover = [this](uuid book, const std::filesystem::path& picture,
                              const library::actor& who) { return ingest::set_own_cover(ingest, book, picture, who); },
          .merge_books = [this](uuid kept, const std::vector<uuid>& others, library::merge_act act,
                                const library::actor& who) { return ingest::merge_books(ingest, kept, others, act, who); },
          .undo_merge = [this](uuid merge, const library::actor& who) { return ingest::undo_merge(ingest, merge, who); },
          .retry_ingest = [this](uuid item) { return retry(item); },
          .places_changed = [this] { later([this] { places.catch_up(); }); },
          .fetched = [this](const uuid& user, const uuid& file, const std::string& copy) { places.fetched(user, file, copy); },
          .libraries = for_libraries(),
          .stopping = [this] { return state.draining(); },
          .copies = &copies};
}

web::library_work app::parts::for_libraries() {
  constexpr std::chrono::seconds longest_preview{20};
  constexpr std::size_t most_moves = 50;
  return {
      .default_pattern = std::string(ingest::default_pattern),
      .foresee = [this](const library::library_wish& w) { return ingest::foresee_library(ingest, w, longest_preview); },
      .add = [this](const library::library_wish& w, const library::actor& who) -> result<uuid> {
        result<ingest::made_library> one = ingest::add_library(ingest, w, longest_preview, who);
        return one ? result<uuid>(one->id) : one.error();
      },
      .start = ingest::start_library_job,
      .foresee_pattern = [this](const uuid& id,
                                const std::string& p) { return ingest::foresee_pattern(ingest, id, p, most_moves); },
      .set_pattern = [this](const uuid& id, const std::string& p,
                            const library::actor& who) { return ingest::set_pattern(ingest, id, p, who); },
      .foresee_writing = [this](const uuid& id,
                                const library::write_choice& c) { return ingest::preview_write_back(ingest, id, c, most_moves); },
      .set_writing = [this](const uuid& id, const library::write_choice& c,
                            const library::actor& who) -> result<library::write_choice> {
        result<ingest::chosen_write_back> one = ingest::set_write_back(ingest, id, c, who);
        return one ? result<library::write_choice>(one->before) : one.error();
      },
      .look_again = [this](const uuid& file) { return ingest::look_again(ingest, file); },
      .read_again = ingest::read_again};
}

bool app::parts::retry(const uuid& item) {
  if (!ingest::try_again(ingest, item)) return false;
  pool.write_now([&](db::tx& tx) { ingest::enqueue_file(tx, item); });
  return true;
}

web::upload_result app::parts::accept(const std::filesystem::path& file, const std::string& name, const uuid& user) {
  ingest::upload_answer answer = ingest::accept_upload(ingest, file, name, user);
  if (auto* taken = std::get_if<ingest::upload_taken>(&answer)) return {.job = taken->job, .known_book = {}, .refused = {}};
  if (auto* known = std::get_if<ingest::upload_known>(&answer))
    return {.job = {}, .known_book = known->book, .refused = {}, .known_in_trash = known->trashed};
  auto& refused = std::get<ingest::upload_refused>(answer);
  return {.job = {}, .known_book = {}, .refused = error{refused.code, refused.message}};
}

app::parts::parts(environment e)
    : base(std::move(e)),
      settings(base.settings),
      pool(*base.pool),
      links(settings),
      inspectors(publication::isolated::options_from(settings)),
      page_readers(publication::isolated::options_from(settings)),
      cpu(work_threads(settings)),
      patient(work_threads(settings)),
      notifier(base.url),
      credentials(pool, cpu, settings),
      state(pool, base.store),
      workers(pool, notifier, static_cast<unsigned>(settings.integer("jobs.workers")), process_name()),
      schedule(pool),
      made(pool, base.store, inspectors, settings),
      copies(pool, base.store, page_readers, settings),
      places(for_places()),
      rules(pool, notifier),
      ingest{.pool = pool,
             .store = base.store,
             .inspectors = inspectors,
             .how = ingest::settings_from(settings),
             .added = [this](db::tx& tx, const uuid& book) { library::fetch_after_import(tx, settings, book); }},
      sources(ingest::sources::all_sources(ingest, client, settings, std::string(version)), process_name()),
      watcher(ingest),
      library_watcher(ingest),
      kosync_api(for_kosync()),
      opds_api(for_opds()),
      kobo_api(for_kobo()),
      web_api(for_web()),
      pages(for_web()),
      server(options_from(settings, base.store), main, metrics) {
  pool.write_now([](db::tx& tx) { library::instance_id(tx); });
  mount();
  server.set_unavailable(database_away);
}

void app::parts::mount() {
  state.mount(main);
  state.mount(metrics);
  mount_metrics(metrics, "");
  if (settings.is_set("metrics.token")) mount_metrics(main, settings.text("metrics.token"));
  kosync_api.mount(main);
  opds_api.mount(main);
  kobo_api.mount(main);
  web_api.mount(main);
  pages.mount(main);  // last: it answers every path that nothing else knows
  ingest::register_jobs(workers, ingest);
  ingest::register_schedule(schedule, ingest);
  ingest::sources::register_schedule(schedule, pool, settings);
  kobo::register_jobs(workers, made);
  opds::register_jobs(workers, pool, base.store, inspectors, settings);
  opds::register_schedule(schedule, pool, settings);
  web::register_bulk_jobs(workers, pool);
  web::register_bulk_schedule(schedule, pool);
  kobo::register_schedule(schedule, pool, made);
  schedule.every("position.bridge", std::chrono::minutes(5), [this] { places.catch_up(); });
  schedule.every("library.away", std::chrono::minutes(5), [this] { look_for_files(); });
  schedule.every("deliver.cache", std::chrono::hours(1), [this] { copies.trim(); });
  schedule.every("position.removed", std::chrono::hours(1), [this] { forget_removed_positions(); });
  if (settings.text("kosync.history") != "forever") {
    schedule.every("kosync.history", std::chrono::hours(1),
                   [this, kept = settings.duration("kosync.history")] { forget_positions(kept); });
  }
}

// A disk that was away may be there again: what it holds is offered again.
void app::parts::look_for_files() {
  constexpr int most = 10'000;
  std::vector<library::away_file> away = pool.read_now([](db::tx& tx) { return library::away_files(tx, most); });
  std::erase_if(away, [&](const library::away_file& f) { return !base.store.holds(f.storage_path); });
  if (away.empty()) return;
  pool.write_now([&](db::tx& tx) {
    for (const library::away_file& f : away) library::mark_file_missing(tx, f.id, false);
  });
}

// A batch a transaction, so that nobody who reports a position waits for long.
void app::parts::forget_positions(std::chrono::milliseconds kept) {
  constexpr int batch = 5000;
  instant before = now() - kept;
  int gone = batch;
  while (gone == batch && !state.draining())
    gone = pool.write_now([&](db::tx& tx) { return library::forget_positions(tx, before, batch); });
}

// Places that readers deleted stay as long as books do in the trash.
void app::parts::forget_removed_positions() {
  constexpr int batch = 5000;
  instant before = now() - std::chrono::days(30);
  int gone = batch;
  while (gone == batch && !state.draining())
    gone = pool.write_now([&](db::tx& tx) { return library::forget_removed_positions(tx, before, batch); });
}

app::app(environment e) : parts_(std::make_unique<parts>(std::move(e))) {}
app::~app() = default;

result<std::vector<std::string>> app::bind() { return parts_->server.bind(); }

void app::start() {
  if (std::optional<error> bad = ingest::link_trees(parts_->ingest)) log::error("trees", {{"reason", bad->message()}});
  parts_->workers.start();
  parts_->schedule.start();
  parts_->places.start();
  parts_->rules.start();
  parts_->pool.write_now([](db::tx& tx) { ingest::enqueue_unfinished(tx, true); });
  if (std::optional<error> bad = parts_->watcher.start()) log::error("drop_folder", {{"reason", bad->message()}});
  parts_->library_watcher.start();
  parts_->sources.start(parts_->notifier);
  parts_->server.start();
}

void app::tick() {
  if (!parts_->base.cluster) return;
  if (std::optional<error> bad = parts_->base.cluster->look_after()) log::error("database", {{"restart", bad->message()}});
}

void app::reload() { parts_->server.reload_certificates(); }

void app::stop() {
  parts_->state.drain();
  parts_->server.stop_accepting();
  parts_->server.drain();
  parts_->client.stop();
  parts_->sources.stop();
  parts_->watcher.stop();
  parts_->library_watcher.stop();
  parts_->schedule.stop();
  parts_->workers.stop();
  parts_->kosync_api.stop();
  parts_->places.stop();
  parts_->rules.stop();
}

void app::stop_now() { parts_->server.abort_drain(); }

std::string app::setup_code() {
  return parts_->pool.write_now([](db::tx& tx) {
    return library::has_owner(tx) ? std::string() : library::make_code(tx, "setup", std::chrono::hours{24 * 7});
  });
}

}  // namespace carrel

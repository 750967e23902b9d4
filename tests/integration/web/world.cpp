#include "tests/integration/web/world.hpp"
#include "tests/harness/kobo_file.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "library/document.hpp"
#include "library/position.hpp"
#include "library/revision.hpp"
#include "library/setting.hpp"
#include "schema/migrations.hpp"
#include "server/auth/cpu_pool.hpp"
#include "server/auth/credentials.hpp"
#include "server/auth/password.hpp"
#include "server/core/digest.hpp"
#include "server/http/server.hpp"

namespace carrel::web::tests {

namespace fs = std::filesystem;

namespace {

// Before the first database, which is a member of the first world.
[[maybe_unused]] const bool prepared = (harness::use_migrations(schema::migrations()), true);

constexpr db::statement sql_fail{"test.fail_item", R"sql(
  insert into ingest_items (id, source, policy, user_id, display_name, state, error_code, error_detail, quarantine_path)
  values ($1, 'upload', 'move', $2, $3, 'rejected', 'archive_corrupt', 'The file is damaged.', 'quarantine/x'))sql"};

constexpr db::statement sql_hold{"test.hold", R"sql(
  insert into reading_progress_history (id, user_id, document, device, progress, percentage, timestamp, accepted, reason)
  values ($1, $2, $3, 'Old tablet', 'p', $4, 1, false, 'unseen'))sql"};

std::string whole(const fs::path& file) {
  std::ostringstream out;
  out << std::ifstream(file, std::ios::binary).rdbuf();
  return out.str();
}

config::sources settings(const std::string& base_path) {
  config::sources from;
  from.environment = [](const std::string&) { return std::nullopt; };
  from.command_line = {{"auth.argon2_memory", "8MiB"},
                       {"http.max_upload", "1MiB"},
                       {"external_url", "http://books.test"},
                       {"base_path", base_path}};
  return from;
}

}  // namespace

struct world::engine {
  http::links links;
  auth::cpu_pool cpu;
  auth::credentials credentials;
  http::router main, metrics;
  api programs;
  pages people;
  std::unique_ptr<http::server> server;

  engine(world& w, db::pool& pool, const library::store& store, const config& c)
      : links(c), cpu(2), credentials(pool, cpu, c), programs(given(w, pool, store, c)), people(given(w, pool, store, c)) {}

  services given(world& w, db::pool& pool, const library::store& store, const config& c) {
    return {
        .pool = pool,
        .credentials = credentials,
        .cpu = cpu,
        .store = store,
        .links = links,
        .settings = c,
        .version = "test",
        .upload_dir = store.data() / "staging",
        .accept_upload =
            [&w](const fs::path& file, const std::string& name, const uuid&) {
              w.uploads.emplace_back(name, whole(file));
              fs::remove(file);
              return w.next_upload;
            },
        .cover = [](const library::cover_ref&, int) { return std::optional<fs::path>(); },
        .replace_file = [&w](uuid file, const fs::path& bytes, const library::actor& who) { return w.replace(file, bytes, who); },
        .set_cover = [&w](uuid book, const fs::path& picture,
                          const library::actor& who) { return w.set_cover(book, picture, who); },
        .merge_books =
            [&pool](uuid kept, const std::vector<uuid>& others, library::merge_act act, const library::actor& who) {
              return pool.write_now([&](db::tx& tx) { return library::merge_books(tx, kept, others, act, who); });
            },
        .undo_merge =
            [&pool](uuid merge, const library::actor& who) {
              return pool.write_now([&](db::tx& tx) { return library::undo_merge(tx, merge, who); });
            },
        .retry_ingest = [](uuid) { return true; },
        .stopping = {}};
  }
};

world::world(bool with_people, const std::string& base_path) {
  result<config> loaded = config::load(settings(base_path));
  if (!loaded) throw std::runtime_error(loaded.error().message());
  config_ = std::move(*loaded);
  pool_ = std::make_unique<db::pool>(db::pool_options{.url = database_.url(), .connections = 3});
  fs::path folder = harness::fresh_folder("data");
  store_ = std::make_unique<library::store>(library::store::open(folder, folder / "cache").value());
  engine_ = std::make_unique<engine>(*this, *pool_, *store_, config_);
  engine_->programs.mount(engine_->main);
  engine_->people.mount(engine_->main);

  http::server_options options;
  options.listen = {{"127.0.0.1:0"}};
  options.upload_dir = folder / "staging";
  options.trusted_proxies = {"127.0.0.1/32"};
  engine_->server = std::make_unique<http::server>(options, engine_->main, engine_->metrics);
  std::string bound = engine_->server->bind().value().front();
  port_ = static_cast<unsigned>(std::stoul(bound.substr(bound.rfind(':') + 1)));
  engine_->server->start();
  if (!with_people) return;
  owner = add_person("owner", library::role::owner);
  librarian = add_person("librarian", library::role::librarian);
  reader = add_person("reader", library::role::reader);
  other = add_person("other", library::role::reader);
  library::limits child;
  child.hidden_tags = {"Adult"};
  child.may_download = child.may_shelve = false;
  limited = add_person("limited", library::role::limited, &child);
}

world::~world() {
  engine_->server->stop_accepting();
  engine_->server->abort_drain();
  engine_->server->drain();
}

http::router& world::router() { return engine_->main; }

client world::as(const std::string& name) {
  client c(port_);
  if (name == "anonymous") return c;
  reply r = c.api("POST", "/session", R"({"name":")" + name + R"(","password":")" + password + "\"}");
  if (r.status != 200) throw std::runtime_error("cannot sign in as " + name + ": " + r.body);
  c.csrf = r.text("csrf");
  return c;
}

uuid world::add_person(const std::string& name, library::role role, const library::limits* limits) {
  std::string hash = auth::hash_password(password, 64 * 1024);
  return write([&](db::tx& tx) {
    uuid id = library::add_user(tx, name, role, hash).id;
    if (limits) library::set_limits(tx, id, *limits);
    return id;
  });
}

made_book world::add_book(const std::string& title, const std::string& status, const std::vector<std::string>& tags) {
  made_book made{uuid::make(), uuid::make(), ""};
  std::string bytes = "bytes of " + made.file.text();
  library::new_file file;
  file.id = made.file;
  file.format = "epub";
  file.mime = "application/epub+zip";
  file.original_name = "original.epub";
  file.extension = ".epub";
  file.size = static_cast<std::int64_t>(bytes.size());
  file.checksum = sha256_hex(bytes);
  file.md5 = md5_hex(bytes);
  made.document = file.koreader_md5 = md5_hex("partial " + bytes);
  file.content_hash = sha256_hex("content " + bytes);
  file.storage_path = store_->path_for(file.checksum, ".epub");
  if (std::optional<error> bad = store_->write(file.storage_path, bytes)) throw std::runtime_error(bad->message());
  publication::metadata m;
  m.title = title;
  m.authors.push_back({"Ada Fenwick", "", "aut"});
  m.series = "Coast";
  m.series_index = 2;
  m.subjects = tags;
  m.languages = {"en"};
  write([&](db::tx& tx) {
    library::add_book(tx, made.id, status, m, file, std::nullopt, std::nullopt);
    harness::deliver_as_it_is(tx, made.id);
    library::bump_revision(tx);
  });
  return made;
}

std::filesystem::path world::data() const { return store_->data(); }

std::filesystem::path world::path_of(const made_book& book) const {
  return store_->absolute(store_->path_for(sha256_hex("bytes of " + book.file.text()), ".epub"));
}

void world::push(const uuid& user, const std::string& document, double percentage) {
  library::position p;
  p.user = user;
  p.document = document;
  p.progress = "/body/" + std::to_string(percentage);
  p.device = "Tablet";
  p.device_key = "n:Tablet/";
  p.percentage = percentage;
  p.timestamp = unix_seconds(now());
  write([&](db::tx& tx) {
    library::put_positions(tx, {p}, {});
    library::link_document(tx, user, document);
  });
}

void world::hold(const uuid& user, const std::string& document, double percentage) {
  write([&](db::tx& tx) { tx.run(sql_hold, uuid::make(), user, document, percentage); });
}

uuid world::fail_item(const std::optional<uuid>& user, const std::string& name) {
  uuid id = uuid::make();
  write([&](db::tx& tx) { tx.run(sql_fail, id, user, name); });
  return id;
}

std::string world::setup_code() {
  return write([](db::tx& tx) { return library::make_code(tx, "setup", std::chrono::hours{1}); });
}

std::int64_t world::number(const char* sql) {
  db::statement s{sql, sql};
  return pool_->read_now([&](db::tx& tx) { return tx.run(s)[0].integer(0); });
}

}  // namespace carrel::web::tests

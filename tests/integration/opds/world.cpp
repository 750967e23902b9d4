#include "tests/integration/opds/world.hpp"

#include <atomic>
#include <fstream>
#include <latch>
#include <pugixml.hpp>
#include <stdexcept>

#include "library/bridge.hpp"
#include "library/device.hpp"
#include "library/instance.hpp"
#include "library/revision.hpp"
#include "opds/outline_job.hpp"
#include "opds/outlines.hpp"
#include "schema/migrations.hpp"
#include "server/auth/cpu_pool.hpp"
#include "server/core/digest.hpp"
#include "server/core/text.hpp"
#include "server/http/server.hpp"

namespace carrel::opds::tests {

namespace fs = std::filesystem;

namespace {
// Before the first database, which is a member of the first world.
[[maybe_unused]] const bool prepared = (harness::use_migrations(schema::migrations()), true);
}  // namespace

publication::isolated::options readers_of_tests() {
  publication::isolated::options out;
  out.processes = 1;
  out.command = {OPDS_HELPER};
  return out;
}

struct world::engine {
  http::links links;
  std::atomic<int> left = 0;  // work that was handed over and has not begun to wait for the database
  auth::cpu_pool cpu;
  publication::isolated::pool readers;
  library::delivered_copies copies;
  auth::credentials credentials;
  http::router main, metrics;
  opds::api api;
  library::bridge places;  // not started: tests settle it
  std::unique_ptr<http::server> server;

  engine(db::pool& pool, const library::store& store, const config& c)
      : links(c),
        cpu(2),
        readers(readers_of_tests()),
        copies(pool, store, readers, c),
        credentials(pool, cpu, c),
        api({.pool = pool,
             .credentials = credentials,
             .store = store,
             .links = links,
             .settings = c,
             .cpu = cpu,
             .later = [this](std::function<void()> w) { hand_over(std::move(w)); },
             .cover = [&store](const library::cover_ref& r, int) { return std::optional(store.absolute(r.storage_path)); },
             .readers = readers,
             .fetched = [this](const uuid& user, const uuid& file, const std::string& copy) { places.fetched(user, file, copy); },
             .moved = [this](const uuid& user, const std::string& document) { places.moved(user, document); },
             .copies = &copies}),
        places({.pool = pool, .files = store, .readers = readers, .made = {}, .policy = {}}) {}

  void hand_over(std::function<void()> work) {
    ++left;
    cpu.post([this, work = std::move(work)] {
      work();
      --left;
      left.notify_all();
    });
  }
};

world::world(settings on_the_command_line) {
  pool_ = std::make_unique<db::pool>(db::pool_options{.url = database_.url(), .connections = 3});
  other_ = std::make_unique<db::pool>(db::pool_options{.url = database_.url(), .connections = 1, .application = "another"});
  fs::path folder = harness::fresh_folder("data");
  result<library::store> opened = library::store::open(folder, folder / "cache");
  if (!opened) throw std::runtime_error(opened.error().message());
  store_ = std::make_unique<library::store>(std::move(*opened));

  config::sources from;
  from.environment = [](const std::string&) { return std::nullopt; };
  from.command_line = std::move(on_the_command_line);
  result<config> loaded = config::load(from);
  if (!loaded) throw std::runtime_error(loaded.error().message());
  config_ = std::move(*loaded);

  engine_ = std::make_unique<engine>(*pool_, *store_, config_);
  engine_->api.mount(engine_->main);
  http::server_options options;
  options.listen = {{"127.0.0.1:0"}};
  options.trusted_proxies = {"127.0.0.1/32"};
  options.upload_dir = folder;
  engine_->server = std::make_unique<http::server>(options, engine_->main, engine_->metrics);
  result<std::vector<std::string>> bound = engine_->server->bind();
  if (!bound) throw std::runtime_error(bound.error().message());
  port_ = static_cast<unsigned>(std::stoul(bound->front().substr(bound->front().rfind(':') + 1)));
  engine_->server->start();
  owner = add_reader("owner", "owner");
}

world::~world() {
  engine_->server->stop_accepting();
  engine_->server->abort_drain();
  engine_->server->drain();
}

void world::bump(db::tx& tx) { library::bump_revision(tx); }

std::unique_ptr<client> world::as(const sign_in& who) const {
  auto out = std::make_unique<client>(port_);
  out->always = {{"Authorization", who.header()}};
  return out;
}

sign_in world::add_reader(const std::string& name, const std::string& role, const library::limits* limits) {
  sign_in out;
  out.name = name;
  other_->write_now([&](db::tx& tx) {
    out.user = library::add_user(tx, name, *library::parse_role(role), std::nullopt).id;
    if (limits) library::set_limits(tx, out.user, *limits);
    result<library::new_device> made = library::add_device(tx, out.user, "reader", "app");
    if (!made) throw std::runtime_error(made.error().message());
    out.device = made->made.id;
    out.password = made->password;
  });
  return out;
}

std::vector<made_book> world::add_all(const std::vector<book_draft>& drafts) {
  std::vector<made_book> out;
  other_->write_now([&](db::tx& tx) {
    out.clear();
    for (const book_draft& d : drafts) {
      made_book made{uuid::make(), uuid::make()};
      std::string bytes = d.bytes.empty() ? "bytes of " + made.file.text() : d.bytes;
      library::new_file file;
      file.id = made.file;
      file.format = d.format;
      file.original_name = "original" + d.extension;
      file.extension = d.extension;
      file.size = static_cast<std::int64_t>(bytes.size());
      file.checksum = sha256_hex(bytes);
      file.duration = d.duration;
      file.md5 = file.koreader_md5 = md5_hex(bytes);
      file.storage_path = store_->path_for(file.checksum, d.extension);
      if (std::optional<error> bad = store_->write(file.storage_path, bytes)) throw std::runtime_error(bad->message());

      publication::metadata m;
      m.title = d.title;
      for (const std::string& a : d.authors) m.authors.push_back({a, "", "aut"});
      m.series = d.series;
      m.series_index = d.index;
      m.subjects = d.tags;
      m.languages = d.languages;
      m.description_html = m.description_text = d.description;
      m.published_on = d.published;
      m.genres = d.genres;
      m.publisher = d.publisher;
      if (!d.isbn.empty()) m.identifiers.emplace_back("isbn_13", d.isbn);
      std::optional<library::new_cover> cover;
      if (d.cover) {
        cover.emplace();
        cover->sha256 = sha256_hex("cover of " + made.id.text());
        cover->mime = "image/jpeg";
        cover->source = "file";
        cover->storage_path = store_->cover_path_for(cover->sha256, cover->mime);
        cover->width = cover->height = 100;
        if (std::optional<error> bad = store_->write(cover->storage_path, "picture")) throw std::runtime_error(bad->message());
      }
      library::add_book(tx, made.id, d.status, m, file, cover, std::nullopt);
      out.push_back(made);
    }
    library::bump_revision(tx);
  });
  return out;
}

int world::read_outlines() {
  auto stopping = [] { return false; };
  return opds::read_outlines(*pool_, *store_, engine_->readers, streamed_formats(config_), stopping);
}

void world::settle_places() { engine_->places.settle(); }
void world::place_moved(const uuid& user, const std::string& document) { engine_->places.moved(user, document); }

made_book world::add(const book_draft& d) { return add_all({d}).front(); }

std::vector<book_draft> world::hostile_books(int count) const {
  std::string long_title;
  for (int i = 0; i < 500; ++i) long_title += "sea & salt";
  std::vector<std::string> forty;
  for (int i = 0; i < 40; ++i) forty.push_back("Author " + std::to_string(i));
  const std::vector<book_draft> kinds{
      {.title = "<i>Less</i> & more ]]> \"quoted\" 'too'", .authors = {"A <b> & C"}, .tags = {"R & B", "<x>"}, .cover = true},
      {.title = "a\xCC\x81\xCC\x81\xCC\x81 combining \xCC\x81", .authors = {}, .series = "Sea & Salt", .index = 2.5},
      {.title = "مرحبا بالعالم", .authors = {"كاتب"}, .languages = {"ar"}, .cover = true},
      {.title = "🐙 emoji 🏳️‍🌈", .authors = forty, .published = "0101-01-01"},
      {.title = long_title, .series = "Without a number", .tags = {"a;b", "c/d", "50%"}},
      {.title = "Слово; \"и\" дело 50%", .languages = {"ru"}, .isbn = "9780306406157", .description = "<p>x &amp; y</p>"},
      {.title = "漢字 / かな", .authors = {"山田 太郎", "李四"}, .languages = {"ja", "zh-Hans"}, .published = "2019-03"},
      {.title = "line\nbreak\tand\x01 control \x7f", .authors = {"Con\x02trol"}, .format = "pdf", .extension = ".pdf"},
      {.title = "Heard", .languages = {}, .format = "m4b", .extension = ".m4b"},
      {.title = "#1 ?",
       .authors = {"Ωmega", "..."},
       .series = "<Series> & \"Co\"",
       .index = 10,
       .format = "cbz",
       .extension = ".cbz"},
  };
  std::vector<book_draft> out;
  for (int i = 0; i < count; ++i) {
    book_draft d = kinds[static_cast<std::size_t>(i) % kinds.size()];
    if (i >= static_cast<int>(kinds.size())) d.title += " " + std::to_string(i);
    out.push_back(std::move(d));
  }
  return out;
}

void world::finish_background() {
  for (int left = engine_->left; left > 0; left = engine_->left) engine_->left.wait(left);
  // When all connections meet, what was before them in the queue is done.
  unsigned connections = pool_->options().connections;
  auto all = std::make_shared<std::latch>(connections + 1);
  for (unsigned i = 0; i < connections; ++i) {
    pool_->enqueue(
        db::mode::read, std::nullopt, [all](db::tx&) { all->arrive_and_wait(); }, [](const std::exception_ptr&) {});
  }
  all->arrive_and_wait();
}

fs::path world::path_of(const uuid& file) {
  std::optional<library::visible_file> found =
      other_->read_now([&](db::tx& tx) { return library::find_file(tx, owner.user, file); });
  return store_->absolute(found.value().file.storage_path);
}

pugi::xml_document parsed(const std::string& text) {
  pugi::xml_document doc;
  if (!doc.load_buffer(text.data(), text.size())) throw std::runtime_error("not XML: " + text.substr(0, 400));
  return doc;
}

std::string link_of(const pugi::xml_document& doc, std::string_view rel) {
  for (pugi::xml_node l : doc.document_element().children("link")) {
    if (l.attribute("rel").value() == rel) return l.attribute("href").value();
  }
  return "";
}

std::vector<std::string> titles_of(const std::string& feed) {
  std::vector<std::string> out;
  pugi::xml_document doc = parsed(feed);
  for (pugi::xml_node e : doc.child("feed").children("entry")) out.emplace_back(e.child_value("title"));
  return out;
}

std::vector<std::string> ids_of(const std::string& feed) {
  std::vector<std::string> out;
  pugi::xml_document doc = parsed(feed);
  for (pugi::xml_node e : doc.child("feed").children("entry")) out.emplace_back(e.child_value("id"));
  return out;
}

std::string path_of_url(const std::string& url) {
  std::size_t authority = url.find("://");
  return authority == std::string::npos ? url : url.substr(url.find('/', authority + 3));
}

}  // namespace carrel::opds::tests

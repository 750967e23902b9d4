#include "tests/integration/sources/stage.hpp"

#include <catch2/catch.hpp>

#include "server/core/text.hpp"

namespace carrel::ingest::sources::test {
namespace {

constexpr db::statement sql_book{"test.add_book", R"sql(
  insert into books (id, title, author, title_key) values ($1, $2, 'Ada Lark', $2))sql"};

constexpr db::statement sql_cover{"test.give_cover", R"sql(
  with c as (insert into covers (id, sha256, mime, width, height, bytes, source, storage_path)
             values (gen_random_uuid(), md5($1::uuid::text), 'image/png', 300, 450, 1, 'embedded', 'covers/none') returning id)
  update books set cover_id = (select id from c) where id = $1::uuid)sql"};

config config_with(const settings_list& given) {
  config::sources from;
  from.environment = [](const std::string&) { return std::optional<std::string>(); };
  from.environment_names = {"PATH"};
  from.command_line = given;
  // On the heap: g++ 12 warns of the destructor of one that is a variable.
  auto loaded = std::make_unique<result<config>>(config::load(from));
  return loaded->value();
}

settings_list with_defaults(const stand_in& library, const stand_in& google, const settings_list& more,
                            const std::string& sources) {
  settings_list out{{"metadata.enabled", "on"},
                    {"metadata.sources", sources},
                    {"metadata.timeout", "2s"},
                    {"open_library.base_url", library.url()},
                    {"open_library.covers_url", library.url() + "/covers"},
                    {"google_books.base_url", google.url() + "/books/v1"},
                    {"google_books.api_key", "AIza-a-very-secret-key-0123456789"},
                    {"covers.allow_private_hosts", "127.0.0.1"}};
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

class talk_of_test : public conversation {
 public:
  talk_of_test(std::string_view source, const question& q) : source_(source) {
    plans_.push_back({.kind = "search", .target = "/find?title=" + percent_encode(q.title), .body = {}});
  }

  std::optional<sources::ask> next() override {
    if (plans_.empty()) return std::nullopt;
    sources::ask out = plans_.front();
    plans_.erase(plans_.begin());
    return out;
  }

  void answer(const reply& r) override {
    auto body = json::parse(r.body);
    const json::object* o = body ? body->as_object() : nullptr;
    if (o == nullptr) return;
    std::int64_t more = 0;
    o->take("more", more);
    for (std::int64_t i = 0; i < more; ++i) plans_.push_back({"id", "/more/" + std::to_string(i), ""});
    const json::value* records = o->find("records");
    if (records == nullptr || records->as_array() == nullptr) return;
    for (const json::value& one : *records->as_array()) add(*one.as_object(), one);
  }

  std::vector<record> found() const override { return found_; }

 private:
  void add(const json::object& o, const json::value& raw) {
    record r;
    r.query_kind = "search";
    r.raw = raw;
    o.take("key", r.provider_key);
    o.take("title", r.title);
    std::vector<std::string> covers;
    o.take("cover", covers);
    if (!covers.empty()) {
      r.cover.url = covers.front();
      r.cover.others.assign(covers.begin() + 1, covers.end());
    }
    found_.push_back(std::move(r));
  }

  std::string source_;
  std::vector<sources::ask> plans_;
  std::vector<record> found_;
};

}  // namespace

stopped_clock::stopped_clock(instant t) { set_clock(t); }
stopped_clock::~stopped_clock() { set_clock(std::nullopt); }

instant at(const char* text) {
  int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0;
  REQUIRE(std::sscanf(text, "%d-%d-%dT%d:%d:%dZ", &y, &mo, &d, &h, &mi, &s) == 6);  // NOLINT(cert-err34-c)
  std::chrono::year_month_day day{std::chrono::year(y), std::chrono::month(static_cast<unsigned>(mo)),
                                  std::chrono::day(static_cast<unsigned>(d))};
  return std::chrono::sys_days(day) + std::chrono::hours(h) + std::chrono::minutes(mi) + std::chrono::seconds(s);
}

stand_in::stand_in() : peer_([this](const harness::heard& h) { return speak(h); }) {
  voice_ = [](const harness::heard& h) {
    std::size_t begin = h.target.find("title=");
    std::string title = begin == std::string::npos ? "" : h.target.substr(begin + 6, h.target.find('&', begin) - begin - 6);
    return said(200, one_record("k-" + title, title));
  };
}

void stand_in::says(voice v) {
  std::lock_guard guard(mutex_);
  voice_ = std::move(v);
}

void stand_in::says_first(std::vector<std::string> answers) {
  std::lock_guard guard(mutex_);
  first_ = std::move(answers);
}

std::string stand_in::speak(const harness::heard& h) {
  voice now_speaking;
  {
    std::lock_guard guard(mutex_);
    moments_.push_back(now());
    if (!first_.empty()) {
      std::string out = first_.front();
      first_.erase(first_.begin());
      return out;
    }
    now_speaking = voice_;
  }
  return now_speaking(h);
}

std::vector<std::string> stand_in::targets() const {
  std::vector<std::string> out;
  for (const harness::heard& h : peer_.all()) out.push_back(h.target);
  return out;
}

std::vector<instant> stand_in::moments() const {
  std::lock_guard guard(mutex_);
  return moments_;
}

std::string record_text(const std::string& key, const std::string& title, double confidence,
                        const std::vector<std::string>& covers) {
  json::object o{{"key", key}, {"title", title}, {"confidence", confidence}};
  if (!covers.empty()) o.set("cover", covers);
  return json::dump(o);
}

std::string one_record(const std::string& key, const std::string& title, double confidence,
                       const std::vector<std::string>& covers) {
  return R"({"records":[)" + record_text(key, title, confidence, covers) + "]}";
}

std::unique_ptr<conversation> test_talk(std::string_view source, const question& q, const preferences&) {
  return std::make_unique<talk_of_test>(source, q);
}

score test_weight(const local_book&, const record& r) {
  score out;
  const json::object* raw = r.raw.as_object();
  if (raw != nullptr) raw->take("confidence", out.confidence);
  out.detail = {{"test", true}};
  return out;
}

stage::stage(const settings_list& more, const std::string& sources)
    : settings(config_with(with_defaults(library, google, more, sources))),
      services{
          .with = with, .client = client, .settings = settings, .version = "0.0-test", .talk = test_talk, .weigh = test_weight},
      first(services, "first") {}

stage::~stage() {
  client.stop();
  first.stop();
}

uuid stage::add_book(const std::string& title, bool with_cover) {
  uuid id = uuid::make();
  pool.write_now([&](db::tx& tx) {
    tx.run(sql_book, id, title);
    if (with_cover) tx.run(sql_cover, id);
  });
  return id;
}

std::vector<uuid> stage::add_books(int count) {
  std::vector<uuid> out;
  pool.write_now([&](db::tx& tx) {
    out.clear();
    for (int i = 0; i < count; ++i) {
      out.push_back(uuid::make());
      tx.run(sql_book, out.back(), "Book" + std::to_string(i));
    }
  });
  return out;
}

uuid stage::ask(const uuid& book, library::urgency how) {
  return pool.write_now([&](db::tx& tx) {
    uuid job = jobs::enqueue(tx, library::fetch_kind, book.text(), {});
    library::add_fetches(tx, job, {book}, library::read_plan(tx, settings).asked(), how);
    return job;
  });
}

uuid stage::ask_for_all(const std::vector<uuid>& books) {
  return pool.write_now([&](db::tx& tx) {
    uuid job = jobs::enqueue(tx, library::refresh_kind, "library", {});
    library::add_fetches(tx, job, books, library::read_plan(tx, settings).asked(), library::urgency::whole_library);
    return job;
  });
}

void stage::run(std::chrono::seconds most) { run({&first}, most); }

void stage::run(const std::vector<fetcher*>& processes, std::chrono::seconds most) {
  instant end = now() + most;
  std::vector<std::string> ids = pool.read_now([&](db::tx& tx) { return library::read_plan(tx, settings).asked(); });
  for (int guard = 0; guard < 100'000; ++guard) {
    bool worked = false;
    std::optional<instant> next;
    for (fetcher* f : processes) {
      for (const std::string& id : ids) {
        fetcher::step s = f->take_step(id);
        worked = worked || s.worked;
        if (s.next) next = std::min(next.value_or(*s.next), *s.next);
      }
    }
    if (worked) continue;
    if (!next || *next > end) return;
    set_clock(std::max(*next, now() + std::chrono::milliseconds(1)));
  }
  FAIL("it never ends");
}

std::string stage::job_state(const uuid& job) {
  std::optional<jobs::job> j = pool.read_now([&](db::tx& tx) { return jobs::find_job(tx, job); });
  return j ? j->state : "gone";
}

std::string stage::candidates(const std::string& source) {
  return text(
      "select coalesce(string_agg(source_key, ' ' order by confidence desc, source_key), '') from book_metadata_candidates where "
      "source = '" +
      source + "' and status <> 'superseded'");
}

}  // namespace carrel::ingest::sources::test

#include "tests/integration/ingest_served/served.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>

#include "library/user.hpp"
#include "schema/migrations.hpp"
#include "server/auth/password.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest::served {
namespace {

constexpr const char* password = "paper lantern harbour";

[[maybe_unused]] const bool prepared = (harness::use_migrations(schema::migrations()), true);

std::string whole(const fs::path& p) {
  std::ifstream in(p, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& w : words) out.push_back(w.data());
  out.push_back(nullptr);
  return out;
}

db::statement kept(const std::string& sql) {
  static std::map<std::string, std::string> names;
  auto [at, fresh] = names.try_emplace(sql, "test." + std::to_string(names.size()));
  return {at->second.c_str(), at->first.c_str()};
}

unsigned port_of(process& server) {
  const std::string mark = "127.0.0.1:";
  std::string said;
  auto ready = [&] {
    said = server.errors();
    std::size_t at = said.find(" ready ");
    return at != std::string::npos && said.find('\n', at) != std::string::npos;
  };
  if (!eventually(ready)) throw std::runtime_error("the server is not ready: " + said);
  std::size_t at = said.find(mark, said.find(" ready ")) + mark.size();
  return static_cast<unsigned>(std::stoul(said.substr(at)));
}

}  // namespace

std::string text_of(const json::object& o, std::string_view name) {
  std::string out;
  o.take(name, out);
  return out;
}

process::process(const fs::path& folder, std::vector<std::string> words, std::vector<std::string> environment) {
  static int count = 0;
  std::string n = std::to_string(++count);
  out_ = folder / ("out-" + n);
  err_ = folder / ("err-" + n);
  words.insert(words.begin(), CARREL_PROGRAM);
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&files, 1, out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0640);
  ::posix_spawn_file_actions_addopen(&files, 2, err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0640);
  int bad = ::posix_spawn(&pid_, CARREL_PROGRAM, &files, nullptr, pointers(words).data(), pointers(environment).data());
  ::posix_spawn_file_actions_destroy(&files);
  if (bad != 0) throw std::runtime_error("cannot start " CARREL_PROGRAM);
}

process::~process() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void process::signal(int number) { ::kill(pid_, number); }

printed process::wait() {
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, whole(out_), whole(err_)};
}

std::string process::errors() const { return whole(err_); }

house::house()
    : folder(fs::absolute(harness::fresh_folder("served"))),
      data(folder / "data"),
      inbox(folder / "in"),
      environment{"PATH=/usr/bin:/bin",
                  "HOME=" + folder.native(),
                  "CARREL_DATABASE_URL=" + database.url(),
                  "CARREL_DATA_DIR=" + data.native(),
                  "CARREL_LISTEN=127.0.0.1:0",
                  "CARREL_LISTEN_METRICS=127.0.0.1:0",
                  "CARREL_INGEST_SETTLE=100ms"},
      pool({.url = database.url(), .connections = 2}) {
  fs::create_directories(inbox);
}

std::int64_t house::number(const std::string& sql) {
  db::statement s = kept(sql);
  return pool.read_now([&](db::tx& tx) { return tx.run(s)[0].integer(0); });
}

std::string house::text(const std::string& sql) {
  db::statement s = kept(sql);
  return pool.read_now([&](db::tx& tx) { return tx.run(s)[0].text(0); });
}

service::service(house& h) : server(h.folder, {"serve"}, h.environment), port(port_of(server)), owner(port) {
  std::string hash = auth::hash_password(password, 64 * 1024);
  h.pool.write_now([&](db::tx& tx) { return library::add_user(tx, "owner", library::role::owner, hash).id; });
  web::tests::reply r = owner.api("POST", "/session", R"({"name":"owner","password":")" + std::string(password) + "\"}");
  if (r.status != 200) throw std::runtime_error("cannot sign in: " + r.body);
  owner.csrf = r.text("csrf");
}

service::~service() {
  server.signal(SIGTERM);
  server.wait();
}

web::tests::reply service::upload(const std::string& name, const std::string& bytes) {
  return owner.upload("/api/v1/books", name, bytes, {}, {{"X-CSRF-Token", owner.csrf}});
}

json::object service::ended_job(const std::string& id) {
  json::object out;
  eventually([&] {
    out = owner.api("GET", "/jobs/" + id).json();
    std::string state = text_of(out, "state");
    return state == "done" || state == "failed";
  });
  return out;
}

}  // namespace carrel::ingest::served

#include "server/postgres/create.hpp"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "server/core/log.hpp"
#include "server/core/text.hpp"
#include "server/postgres/process.hpp"

namespace carrel::postgres {
namespace fs = std::filesystem;
namespace {

constexpr std::uintmax_t space_needed = 100ULL << 20;  // catalogs twice, one segment of log, and some air

std::optional<error> check_space(const fs::path& data) {
  struct statvfs s {};
  if (::statvfs(data.c_str(), &s) != 0) return error{"disk", data.string() + ": " + std::strerror(errno)};
  std::uintmax_t available = static_cast<std::uintmax_t>(s.f_bavail) * s.f_frsize;
  if (available >= space_needed) return std::nullopt;
  return error{"disk", data.string() + " has " + std::to_string(available >> 20) + " MiB free, a new database needs " +
                           std::to_string(space_needed >> 20) + " MiB"};
}

// The end of what a program said, on one line.
std::string last_words(std::string_view output) {
  std::vector<std::string> lines = split(output, '\n');
  std::vector<std::string> kept;
  for (auto it = lines.rbegin(); it != lines.rend() && kept.size() < 4; ++it) {
    if (!it->empty()) kept.insert(kept.begin(), *it);
  }
  return join(kept, "; ");
}

std::optional<error> run_step(const char* name, const std::vector<std::string>& argv, const fs::path& folder,
                              std::string_view input) {
  result<finished_command> said = run_command(argv, folder, input);
  if (!said) return said.error();
  // The single-user server reports a failed statement and still ends with 0.
  if (said->status == 0 && said->output.find("ERROR:") == std::string::npos) return std::nullopt;
  std::string field = said->output.find("No space left on device") == std::string::npos ? "postgres" : "disk";
  return error{field, std::string(name) + " failed (" + std::to_string(said->status) + "): " + last_words(said->output)};
}

// One flush of the file system is far quicker than one for each of a thousand files.
std::optional<error> sync_to_disk(const fs::path& folder) {
  int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool done = fd >= 0 && ::syncfs(fd) == 0;
  int why = errno;
  if (fd >= 0) ::close(fd);
  if (done) return std::nullopt;
  return error{"disk", folder.string() + " could not be synced: " + std::strerror(why)};
}

std::optional<error> fill(const layout& where, const fs::path& binaries) {
  const std::string folder = where.unfinished.string();
  std::vector<std::string> initdb{(binaries / "initdb").string(),
                                  "-D",
                                  folder,
                                  "-U",
                                  role,
                                  "--auth=peer",
                                  "--encoding=UTF8",
                                  "--locale=C.UTF-8",
                                  "--data-checksums",
                                  "--no-sync",
                                  "--no-instructions"};
  if (auto bad = run_step("initdb", initdb, where.data, "")) return bad;
  // -F: nothing is synced one by one, all of it is below.
  std::vector<std::string> single{(binaries / "postgres").string(), "--single", "-F", "-D", folder, "template1"};
  std::string sql = std::string("create database ") + database + ";\n";
  if (auto bad = run_step("create database", single, where.data, sql)) return bad;
  return sync_to_disk(where.unfinished);
}

}  // namespace

std::optional<error> create_cluster(const layout& where, const fs::path& binaries) {
  if (auto bad = check_space(where.data)) return bad;
  std::error_code ec;
  fs::remove_all(where.unfinished, ec);  // of a first start that was killed
  if (ec) return error{"data", where.unfinished.string() + " cannot be removed: " + ec.message()};
  if (auto bad = fill(where, binaries)) {
    fs::remove_all(where.unfinished, ec);
    return bad;
  }
  fs::rename(where.unfinished, where.cluster, ec);
  if (ec) return error{"data", where.cluster.string() + ": " + ec.message()};
  if (auto bad = sync_to_disk(where.data)) return bad;
  log::info("postgres.created", {{"cluster", where.cluster.string()}});
  return std::nullopt;
}

}  // namespace carrel::postgres

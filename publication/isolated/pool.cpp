#include "publication/isolated/pool.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <semaphore>
#include <thread>

#include "publication/isolated/protocol.hpp"
#include "publication/isolated/wishes.hpp"
#include "publication/kepub/span_map.hpp"
#include "publication/limit_settings.hpp"
#include "publication/pdf/open_pdf.hpp"
#include "publication/transport.hpp"
#include "server/core/log.hpp"

namespace carrel::publication::isolated {
namespace {

constexpr unsigned files_per_child = 200;
constexpr std::uint64_t resident_limit = 256ULL << 20;

struct child {
  pid_t pid = -1;
  int socket = -1;
  unsigned files = 0;
  bool worn = false;
  bool reads_only = false;  // it gave up writing before it read a file, and cannot convert any more
};

std::optional<child> spawn_child(const std::vector<std::string>& command) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return std::nullopt;
  // dup2 onto the same number would keep close-on-exec, so the child's end must not be 3 already.
  int theirs = ::fcntl(pair[1], F_DUPFD_CLOEXEC, 10);
  ::close(pair[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, theirs, child_socket);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  // A group of its own: Ctrl-C at a terminal ends the server, which then ends its children.
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& part : command) arguments.push_back(const_cast<char*>(part.c_str()));
  arguments.push_back(nullptr);
  char* no_environment[] = {nullptr};
  child out;
  int failed = ::posix_spawn(&out.pid, command.front().c_str(), &actions, &attributes, arguments.data(), no_environment);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(theirs);
  if (failed != 0) {
    ::close(pair[0]);
    log::error("publication.isolated", {{"error", std::strerror(failed)}});
    return std::nullopt;
  }
  out.socket = pair[0];
  return out;
}

// Waits for the end; how it ended says whether a limit was reached.
refusal end_child(child& c, bool late) {
  if (late) ::kill(c.pid, SIGKILL);
  ::close(c.socket);
  int status = 0;
  while (::waitpid(c.pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (late) return {"inspection_limit", "time"};
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) return {"inspection_limit", "processor time"};
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ) return {"inspection_limit", "written bytes"};
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGTRAP) return {"inspection_limit", "memory"};  // so ends GLib without memory
  if (WIFSIGNALED(status)) return {"inspection_crash", "signal " + std::to_string(WTERMSIG(status))};
  return {"inspection_crash", "status " + std::to_string(WEXITSTATUS(status))};
}

// What a child said, before anything of it is believed.
struct raw_answer {
  std::string json, attached;
  std::vector<thumbnail> thumbnails;
};

result<inspection, refusal> read_inspection(raw_answer a) {
  result<opened, refusal> about = from_json(a.json);
  if (!about) return about.error();
  inspection out{std::move(*about), std::move(a.thumbnails)};
  if (out.about.cover) out.about.cover->bytes = std::move(a.attached);
  if (out.about.cover && out.about.cover->bytes.empty()) out.about.cover.reset();
  return out;
}

result<picture, refusal> read_picture(raw_answer a) {
  result<cover_image, refusal> image = picture_from_json(a.json);
  if (!image) return image.error();
  if (a.attached.empty()) return refusal{"inspection_crash", "picture"};
  image->bytes = std::move(a.attached);
  return picture{std::move(*image), std::move(a.thumbnails)};
}

result<kepub::made, refusal> read_conversion(raw_answer a) {
  result<kepub::made, refusal> out = made_from_json(a.json);
  if (out && !kepub::span_map::unpack(a.attached)) return refusal{"inspection_crash", "span map"};
  if (out) out->span_map = std::move(a.attached);
  return out;
}

}  // namespace

struct pool::state {
  explicit state(options o)
      : how(std::move(o)), drawers(static_cast<std::ptrdiff_t>(how.processes)), keeper([this] { keep(); }) {}

  // Children get a signal when the thread that made them ends, so one thread that lives as long as the pool makes them all.
  void keep() {
    std::unique_lock guard(mutex);
    for (;;) {
      changed.wait(guard, [&] { return closing || wanted > 0; });
      if (closing) return;
      guard.unlock();
      std::optional<child> made = spawn_child(how.command);
      guard.lock();
      --wanted;
      if (made)
        idle.push_back(*made);
      else {
        --living;
        ++spawn_failures;
      }
      changed.notify_all();
    }
  }

  bool has_idle(bool writes) const {
    return std::any_of(idle.begin(), idle.end(), [&](const child& c) { return !writes || !c.reads_only; });
  }

  std::optional<child> idle_one(bool writes) {
    auto at = std::find_if(idle.rbegin(), idle.rend(), [&](const child& c) { return !writes || !c.reads_only; });
    if (at == idle.rend()) return std::nullopt;
    child c = *at;
    idle.erase(std::next(at).base());
    return c;
  }

  std::optional<child> take(bool writes) {
    std::unique_lock guard(mutex);
    std::uint64_t failures = spawn_failures;
    for (;;) {
      if (std::optional<child> c = idle_one(writes)) return c;
      if (!idle.empty()) {  // none of them may write any more: a fresh one takes the place of one
        child c = idle.back();
        idle.pop_back();
        guard.unlock();
        end_child(c, false);
        guard.lock();
        --living;
      }
      if (living < how.processes) {
        ++living;
        ++wanted;
        changed.notify_all();
      }
      changed.wait(guard, [&] { return !idle.empty() || spawn_failures != failures || living < how.processes; });
      if (!has_idle(writes) && spawn_failures != failures) return std::nullopt;
    }
  }

  void give_back(child c) {
    if (c.worn) {
      end_child(c, false);
      return lose();
    }
    std::lock_guard guard(mutex);
    idle.push_back(c);
    changed.notify_all();
  }

  void lose() {
    std::lock_guard guard(mutex);
    --living;
    changed.notify_all();
  }

  io receive(child& c, raw_answer& out, deadline until, std::uint64_t& resident) {
    answer_head head;
    if (io went = receive_all(c.socket, &head, sizeof head, until); went != io::ok) return went;
    bool sane = head.json_size <= longest_transport && head.attached_size <= longest_attached;
    for (std::uint32_t size : head.thumbnail_size) sane = sane && size <= longest_thumbnail;
    if (!sane) {
      ::kill(c.pid, SIGKILL);
      return io::closed;
    }
    io went = io::ok;
    auto part = [&](std::string& into, std::uint32_t size) {
      into.resize(size);
      if (went == io::ok && size > 0) went = receive_all(c.socket, into.data(), size, until);
    };
    part(out.json, head.json_size);
    part(out.attached, head.attached_size);
    for (std::size_t i = 0; i < thumbnail_edges.size(); ++i) {
      if (head.thumbnail_size[i] == 0) continue;
      out.thumbnails.push_back({thumbnail_edges[i], {}});
      part(out.thumbnails.back().jpeg, head.thumbnail_size[i]);
    }
    resident = head.resident;
    return went;
  }

  // `again`: a fresh child may do it.
  result<raw_answer, refusal> once(int descriptor, const request_head& head, const std::string& names, bool& again) {
    bool writes = isolated::writes(head.what);
    std::optional<child> taken = take(writes);
    if (!taken) return refusal{"inspection_crash", std::string(no_process)};
    child c = *taken;
    deadline until = std::chrono::steady_clock::now() + 4 * std::chrono::milliseconds(head.cpu_ms);
    raw_answer out;
    std::uint64_t resident = 0;
    io went = send_request(c.socket, head, descriptor, until);
    if (went == io::ok) went = send_all(c.socket, names.data(), names.size(), until);
    if (went == io::ok) went = receive(c, out, until, resident);
    if (went != io::ok) {
      again = true;
      refusal why = end_child(c, went == io::late);
      lose();
      log::warn("publication.isolated", {{"code", why.code}, {"detail", why.detail}});
      return why;
    }
    bool out_of_memory = out.json == to_json(no_memory);
    again = out_of_memory;
    c.reads_only = c.reads_only || !writes;
    c.worn = ++c.files >= files_per_child || resident > resident_limit || out_of_memory;
    give_back(c);
    return out;
  }

  result<raw_answer, refusal> ask(int descriptor, request_head head, const std::string& file_name, const std::string& wish) {
    std::string name = file_name.substr(0, longest_name);
    head.memory = how.memory;
    head.name_size = static_cast<std::uint32_t>(name.size());
    head.wish_size = static_cast<std::uint32_t>(wish.size());
    bool again = false;
    result<raw_answer, refusal> out = once(descriptor, head, name + wish, again);
    if (again) out = once(descriptor, head, name + wish, again);
    return out;
  }

  result<piece, refusal> cut(task what, int descriptor, const std::string& file_name, const piece_wish& wish) {
    request_head head{};
    head.what = what;
    head.cpu_ms = static_cast<std::uint64_t>(how.cpu.count());
    result<raw_answer, refusal> said = ask(descriptor, head, file_name, wish_json(wish));
    if (!said) return said.error();
    result<piece, refusal> out = read_piece_answer(said->json);
    if (out) out->bytes = std::move(said->attached);
    return out;
  }

  // Width 0: page 1 as a cover.
  result<file, refusal> draw(int descriptor, int page, int width) {
    struct turn {
      explicit turn(std::counting_semaphore<>& all) : of(all) { of.acquire(); }
      ~turn() { of.release(); }
      turn(const turn&) = delete;
      turn& operator=(const turn&) = delete;
      std::counting_semaphore<>& of;
    };
    turn mine(drawers);
    return width == 0 ? draw_first_page(descriptor, how.first_page)
                      : isolated::draw_page(descriptor, how.first_page, page, width);
  }

  result<picture, refusal> look_at_picture(int descriptor) {
    request_head head{};
    head.what = task::picture;
    head.cpu_ms = static_cast<std::uint64_t>(how.cpu.count());
    result<raw_answer, refusal> said = ask(descriptor, head, "cover", "");
    if (!said) return said.error();
    return read_picture(std::move(*said));
  }

  result<picture, refusal> look_at_first_page(int descriptor) {
    result<file, refusal> drawn = draw(descriptor, 1, 0);
    if (!drawn) return drawn.error();
    return look_at_picture(drawn->get());
  }

  // The picture that fills page 1 stays where the page cannot be drawn.
  void show_first_page(int descriptor, inspection& in) {
    result<picture, refusal> seen = look_at_first_page(descriptor);
    if (!seen) {
      log::warn("publication.first_page", {{"code", seen.error().code}, {"detail", seen.error().detail}});
      if (!in.about.cover) in.about.warnings.push_back({"cover_missing", "page 1 cannot be drawn"});
      return;
    }
    std::erase_if(in.about.warnings, [](const warning& w) { return w.code.starts_with("cover_"); });
    in.about.cover = std::move(seen->master);
    in.thumbnails = std::move(seen->thumbnails);
  }

  options how;
  std::counting_semaphore<> drawers;  // of first pages, beside the children: as many as there are of them
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<child> idle;
  unsigned living = 0, wanted = 0;
  std::uint64_t spawn_failures = 0;
  bool closing = false;
  std::thread keeper;
};

pool::pool(options o) : state_(std::make_unique<state>(std::move(o))) {}

pool::~pool() {
  {
    std::lock_guard guard(state_->mutex);
    state_->closing = true;
    state_->changed.notify_all();
  }
  state_->keeper.join();
  for (child& c : state_->idle) end_child(c, false);
}

result<inspection, refusal> pool::inspect(int descriptor, const std::string& file_name) {
  request_head head{};
  head.cpu_ms = static_cast<std::uint64_t>(state_->how.cpu.count());
  result<raw_answer, refusal> said = state_->ask(descriptor, head, file_name, limits_json(state_->how.allowed));
  if (!said) return said.error();
  result<inspection, refusal> out = read_inspection(std::move(*said));
  bool drawable = out && !state_->how.first_page.program.empty() && is_drawable_pdf(out->about);
  if (drawable) state_->show_first_page(descriptor, *out);
  return out;
}

result<opened, refusal> pool::glance(int descriptor, const std::string& file_name) {
  request_head head{};
  head.what = task::glance;
  head.cpu_ms = static_cast<std::uint64_t>(state_->how.cpu.count());
  result<raw_answer, refusal> said = state_->ask(descriptor, head, file_name, limits_json(state_->how.allowed));
  if (!said) return said.error();
  return from_json(said->json);
}

result<picture, refusal> pool::look_at_picture(int descriptor) { return state_->look_at_picture(descriptor); }

result<told, refusal> pool::read_sidecar(int descriptor, const std::string& file_name) {
  request_head head{};
  head.what = task::sidecar;
  head.cpu_ms = static_cast<std::uint64_t>(state_->how.cpu.count());
  result<raw_answer, refusal> said = state_->ask(descriptor, head, file_name, "");
  if (!said) return said.error();
  return told_from_json(said->json);
}

result<kepub::made, refusal> pool::convert(int descriptor, const std::string& file_name, const std::filesystem::path& to,
                                           const kepub::options& how) {
  std::string wish = wish_json(conversion_wish{to.native(), how});
  if (wish.size() > longest_wish) return refusal{"kepub_failed", "the settings are too long"};
  request_head head{};
  head.what = task::convert;
  head.cpu_ms = static_cast<std::uint64_t>(state_->how.conversion.count());
  result<raw_answer, refusal> said = state_->ask(descriptor, head, file_name, wish);
  result<kepub::made, refusal> out = said ? read_conversion(std::move(*said)) : result<kepub::made, refusal>(said.error());
  if (!out && out.error().code.starts_with("inspection_")) {
    bool begun = out.error().detail != no_process;
    return refusal{"kepub_failed", begun ? out.error().code : std::string(no_process)};
  }
  return out;
}

result<bool, refusal> pool::copy_corrected(int descriptor, const std::string& file_name, const std::filesystem::path& to,
                                           const std::string& metadata) {
  std::string wish = wish_json(copy_wish{to.native(), metadata});
  if (wish.size() > longest_wish) return refusal{"inspection_limit", "wish"};
  request_head head{};
  head.what = task::copy;
  head.cpu_ms = static_cast<std::uint64_t>(state_->how.conversion.count());
  result<raw_answer, refusal> said = state_->ask(descriptor, head, file_name, wish);
  if (!said) return said.error();
  return copied_from_json(said->json);
}

result<found_place, refusal> pool::locate(int descriptor, const std::string& file_name, const place_wish& wish) {
  std::string json = wish_json(wish);
  if (json.size() > longest_wish) {
    place_wish shorter = wish;
    shorter.measure.clear();  // the child finds it out itself
    json = wish_json(shorter);
  }
  if (json.size() > longest_wish) return refusal{"inspection_limit", "wish"};
  request_head head{};
  head.what = task::locate;
  head.cpu_ms = static_cast<std::uint64_t>(state_->how.cpu.count());
  result<raw_answer, refusal> said = state_->ask(descriptor, head, file_name, json);
  if (!said) return said.error();
  result<found_place, refusal> out = found_from_json(said->json);
  if (out) out->measure = std::move(said->attached);
  return out;
}

result<std::vector<std::optional<locator::found_quote>>, refusal> pool::find_quotes(int descriptor, const std::string& file_name,
                                                                                    const std::vector<std::string>& quotes) {
  std::string wish = wish_json(quotes);
  if (wish.size() > longest_wish) return refusal{"inspection_limit", "wish"};
  request_head head{};
  head.what = task::quotes;
  head.cpu_ms = static_cast<std::uint64_t>(state_->how.conversion.count());
  result<raw_answer, refusal> said = state_->ask(descriptor, head, file_name, wish);
  if (!said) return said.error();
  return found_quotes_from_json(said->json, quotes.size());
}

result<outline, refusal> pool::outline_of(int descriptor, const std::string& file_name) {
  request_head head{};
  head.what = task::outline;
  head.cpu_ms = static_cast<std::uint64_t>(state_->how.conversion.count());
  result<raw_answer, refusal> said = state_->ask(descriptor, head, file_name, "");
  if (!said) return said.error();
  result<piece, refusal> answered = read_piece_answer(said->json);
  if (!answered) return answered.error();
  return outline_from_json(said->attached);
}

result<piece, refusal> pool::read_piece(int descriptor, const std::string& file_name, const piece_wish& wish) {
  return state_->cut(task::piece, descriptor, file_name, wish);
}

result<piece, refusal> pool::draw_page(int descriptor, int page, int width) {
  result<file, refusal> drawn = state_->draw(descriptor, page, width);
  if (!drawn) return drawn.error();
  piece_wish wish{.what = {}, .width = width, .for_readers = true};
  return state_->cut(task::fit, drawn->get(), "page", wish);
}

options options_from(const config& c) {
  options out;
  out.processes = static_cast<unsigned>(std::clamp<std::int64_t>(c.integer("ingest.workers"), 1, 64));
  out.memory = c.bytes("parse.memory");
  out.cpu = c.duration("parse.cpu");
  out.allowed = limits_from(c);
  return out;
}

}  // namespace carrel::publication::isolated

#include "ingest/gathering.hpp"

#include <algorithm>

#include "ingest/scan.hpp"
#include "ingest/tracks.hpp"

namespace carrel::ingest {

namespace fs = std::filesystem;

gathering::gathering(const settings& how, bool remote)
    : how_(how),
      remote_(remote),
      quiet_(remote ? std::max<std::chrono::milliseconds>(how.settle, std::chrono::seconds(30)) : how.settle) {}

void gathering::hold(const std::string& path, const identity& who, steady::time_point changed_at) {
  folder& f = folders_[home_of(path, plain_folder(how_.drop_dir))];
  count_ += f.files.insert_or_assign(path, held_file{who, changed_at}).second ? 1 : 0;
  f.next = std::min(f.next, std::max(changed_at, f.looked + how_.sample_gap));
}

bool gathering::holds(const std::string& path) const {
  auto at = folders_.find(home_of(path, plain_folder(how_.drop_dir)));
  return at != folders_.end() && at->second.files.contains(path);
}

void gathering::release(const std::string& path) {
  auto at = folders_.find(home_of(path, plain_folder(how_.drop_dir)));
  if (at == folders_.end()) return;
  count_ -= at->second.files.erase(path);
  if (at->second.files.empty()) folders_.erase(at);
}

std::optional<steady::time_point> gathering::next() const {
  std::optional<steady::time_point> out;
  for (const auto& [path, f] : folders_) out = out ? std::min(*out, f.next) : f.next;
  return out;
}

gathering::outcome gathering::look(steady::time_point at, const std::function<bool(const finding&)>& still_open) {
  outcome out;
  for (auto& [path, f] : folders_) {
    if (f.next <= at) look_at(path, f, at, still_open, out);
  }
  for (const unit& u : out.ready) {
    for (const finding& f : u.files) release(f.path);
  }
  std::erase_if(folders_, [](const auto& f) { return f.second.files.empty(); });
  return out;
}

// A folder of thousands is listed at most once in the time between two samples.
void gathering::look_at(const fs::path& path, folder& f, steady::time_point at,
                        const std::function<bool(const finding&)>& still_open, outcome& out) {
  fs::path root = plain_folder(how_.drop_dir);
  listing there = list_folder(path, how_.ignore);
  there.loose = path == root;
  there.named = path.lexically_relative(root).native();
  if (path != root && is_disc_folder(path.filename().native()))
    std::erase_if(there.files, [](const finding& one) { return is_recording(one.path); });  // of the folder above
  drop_changed(f, there, out);
  f.looked = at;
  f.next = steady::time_point::max();
  for (unit& u : units_of(std::move(there))) {
    bool ours = std::any_of(u.files.begin(), u.files.end(), [&](const finding& one) { return f.files.contains(one.path); });
    if (!ours) continue;
    std::optional<steady::time_point> wait = wait_for(f, u, at, still_open);
    if (wait)
      f.next = std::min(f.next, std::max(*wait, at + how_.sample_gap));
    else
      out.ready.push_back(std::move(u));
  }
}

void gathering::drop_changed(folder& f, const listing& there, outcome& out) {
  std::map<std::string, held_file> same;
  for (const std::vector<finding>* list : {&there.files, &there.discs}) {
    for (const finding& one : *list) {
      auto at = f.files.find(one.path);
      if (at == f.files.end()) continue;
      if (at->second.who == one.who)
        same.insert(*at);
      else
        out.again.push_back(one.path);
    }
  }
  count_ -= f.files.size() - same.size();
  f.files = std::move(same);
}

std::optional<steady::time_point> gathering::wait_for(folder& f, unit& u, steady::time_point at,
                                                      const std::function<bool(const finding&)>& still_open) {
  std::optional<steady::time_point> out;
  auto until = [&](steady::time_point then) {
    if (then > at) out = out ? std::max(*out, then) : then;
  };
  std::chrono::milliseconds quiet = u.tracks ? 3 * quiet_ : quiet_;
  for (const finding& one : u.files) {
    auto held = f.files.find(one.path);
    if (held != f.files.end())
      until(held->second.changed_at + quiet);
    else if (still_open(one))
      until(at + how_.sample_gap);
  }
  std::erase_if(u.beside, [&](const companion& c) {
    bool usable = true;
    if (std::optional<steady::time_point> wait = wait_for_companion(f, c.what, at, usable)) until(*wait);
    return !usable;
  });
  return out;
}

// A file beside a book that cannot be read, or is none, holds nobody up and stays where it is.
std::optional<steady::time_point> gathering::wait_for_companion(folder& f, const finding& what, steady::time_point at,
                                                                bool& usable) {
  auto [place, fresh] = f.beside.try_emplace(what.path, how_, remote_);
  settling& s = place->second;
  if (!fresh && s.next() > at) return s.next();
  settled now = s.sample(what.path, at);
  usable = now == settled::ready || now == settled::wait || now == settled::incomplete;
  bool empty = usable && s.who().size == 0 && at - s.changed_at() >= quiet_;
  if (empty) usable = false;
  if (!usable) return std::nullopt;
  if (now != settled::ready) return s.next();
  steady::time_point quiet = s.changed_at() + quiet_;
  return quiet > at ? std::optional(quiet) : std::nullopt;
}

}  // namespace carrel::ingest

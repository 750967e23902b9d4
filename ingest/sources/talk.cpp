#include "ingest/sources/talk.hpp"

#include <algorithm>

#include "ingest/sources/normalise.hpp"
#include "ingest/sources/score.hpp"
#include "server/core/text.hpp"

namespace carrel::ingest::sources {
namespace {

constexpr int most_questions = 6;
constexpr std::size_t most_records = 20;

bool is_success(unsigned status) { return status >= 200 && status < 300; }

}  // namespace

std::optional<ask> talk::next() {
  open_.reset();
  if (plans_.empty() || asked_so_far_ >= most_questions) return std::nullopt;
  ++asked_so_far_;
  open_ = std::move(plans_.front());
  plans_.pop_front();
  return open_;
}

void talk::answer(const reply& r) {
  if (!open_) return;
  ask asked = std::move(*open_);
  open_.reset();
  json::value body = is_success(r.status) || r.status == 404 ? parsed(r.body) : json::value();
  heard(asked, r, node(body));
}

void talk::plan(std::string kind, std::string target, std::string body) {
  plans_.push_back({std::move(kind), std::move(target), std::move(body)});
}

void talk::plan_first(std::string kind, std::string target, std::string body) {
  plans_.push_front({std::move(kind), std::move(target), std::move(body)});
}

void talk::add(record r) {
  if (r.title.empty() || r.provider_key.empty()) return;
  if (record* there = of_key(r.provider_key)) {
    *there = std::move(r);
  } else if (found_.size() < most_records) {
    found_.push_back(std::move(r));
  }
}

record* talk::of_key(const std::string& provider_key) {
  auto at = std::find_if(found_.begin(), found_.end(), [&](const record& r) { return r.provider_key == provider_key; });
  return at == found_.end() ? nullptr : &*at;
}

void talk::drop(const std::string& provider_key) {
  std::erase_if(found_, [&](const record& r) { return r.provider_key == provider_key; });
}

record* talk::acceptable() {
  constexpr double worth_a_look = 0.60;  // where the records of other people's books are capped, so more than that
  local_book local = local_of(asked_);
  record* best = nullptr;
  double most = worth_a_look;
  for (record& r : found_) {
    double confidence = rate(local, r).confidence;
    if (confidence <= most) continue;
    best = &r;
    most = confidence;
  }
  return best;
}

std::string target_of(std::string_view path, const std::vector<query_value>& values) {
  std::string out(path);
  char mark = '?';
  for (const query_value& v : values) {
    if (v.value.empty()) continue;
    out.append(1, mark).append(v.name).append("=").append(percent_encode(v.value));
    mark = '&';
  }
  return out;
}

std::string first_author(const question& asked) {
  constexpr std::size_t longest = 100;
  return asked.authors.empty() ? std::string() : one_line(asked.authors.front(), longest);
}

}  // namespace carrel::ingest::sources

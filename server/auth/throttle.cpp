#include "server/auth/throttle.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "server/core/config.hpp"
#include "server/core/text.hpp"

namespace carrel::auth {
namespace asio = boost::asio;

namespace {

constexpr int patient_failures = 10;
constexpr std::chrono::minutes patience{10};
constexpr std::chrono::milliseconds delay_step{100}, longest_delay{1000};
constexpr std::size_t most_tallies = 10'000;

constexpr db::statement sql_forget{"auth.forget_failures", R"sql(
  delete from sign_in_failures
   where subject in (select subject from sign_in_failures where first_at <= $1 for update skip locked))sql"};

constexpr db::statement sql_count{"auth.count_try", R"sql(
  insert into sign_in_failures as f (subject, failures, first_at, last_at)
  select q.subject, 1, $2::timestamptz, $2::timestamptz from unnest($1::text[]) q(subject) order by q.subject
      on conflict (subject) do update
     set failures = case when f.first_at <= $3 then 1 else f.failures + 1 end,
         first_at = case when f.first_at <= $3 then $2 else f.first_at end,
         last_at = $2
  returning failures, first_at)sql"};

constexpr db::statement sql_forgive{"auth.forgive_try", R"sql(
  update sign_in_failures
     set failures = case when subject like 'account:%' then 0 else greatest(failures - 1, 0) end
   where subject = any ($1::text[]))sql"};
constexpr db::statement sql_forgiven{"auth.drop_forgiven", R"sql(
  delete from sign_in_failures where subject = any ($1::text[]) and failures = 0)sql"};

}  // namespace

throttle_rate parse_rate(const std::string& text) {
  throttle_rate out;
  std::size_t slash = text.find('/');
  if (slash == std::string::npos) return out;
  std::string per = text.substr(slash + 1);
  if (per.size() == 1) per.insert(0, "1");
  std::optional<std::int64_t> count = to_integer(text.substr(0, slash));
  std::optional<std::chrono::milliseconds> window = parse_duration(per);
  if (!count || !window) return out;
  out.failures = static_cast<int>(std::clamp<std::int64_t>(*count, 1, 1'000'000));
  out.window = std::max(std::chrono::seconds{1}, std::chrono::ceil<std::chrono::seconds>(*window));
  return out;
}

std::string network_of(const std::string& address) {
  boost::system::error_code bad;
  asio::ip::address a = asio::ip::make_address(address, bad);
  if (bad) return address;
  if (a.is_v6() && a.to_v6().is_v4_mapped()) a = asio::ip::make_address_v4(asio::ip::v4_mapped, a.to_v6());
  if (a.is_v4()) return asio::ip::network_v4(a.to_v4(), 24).canonical().to_string();
  asio::ip::address_v6 six = a.to_v6();
  six.scope_id(0);
  return asio::ip::network_v6(six, 64).canonical().to_string();
}

std::vector<std::string> throttle_subjects(const std::string& name_key, const std::string& address) {
  std::vector<std::string> out;
  if (!name_key.empty()) out.push_back("account:" + name_key);
  out.push_back("network:" + network_of(address));
  return out;
}

std::optional<std::chrono::seconds> count_try(db::tx& tx, const std::vector<std::string>& subjects, const throttle_rate& rate) {
  instant at = now();
  std::optional<std::chrono::seconds> wait;
  for (const db::row& r : tx.run(sql_count, subjects, at, at - rate.window)) {
    if (r.integer(0) <= rate.failures) continue;
    auto left = std::chrono::ceil<std::chrono::seconds>(r.at(1) + rate.window - at);
    wait = std::max(wait.value_or(std::chrono::seconds{1}), left);
  }
  if (!wait) tx.run(sql_forget, at - rate.window);
  return wait;
}

void forgive_try(db::tx& tx, const std::vector<std::string>& subjects) {
  tx.run(sql_forgive, subjects);
  tx.run(sql_forgiven, subjects);
}

void slow_failures::count(const std::string& address, const std::string& name_key) {
  instant at = now();
  std::lock_guard lock(mutex_);
  if (tallies_.size() >= most_tallies) {
    std::erase_if(tallies_, [&](const auto& t) { return t.second.since + patience <= at; });
    if (tallies_.size() >= most_tallies) tallies_.clear();
  }
  tally& t = tallies_[{address, name_key}];
  if (t.failures == 0 || t.since + patience <= at) t = {.since = at, .failures = 0};
  ++t.failures;
}

std::chrono::milliseconds slow_failures::delay(const std::string& address, const std::string& name_key) const {
  std::lock_guard lock(mutex_);
  auto found = tallies_.find({address, name_key});
  if (found == tallies_.end() || found->second.since + patience <= now()) return {};
  int beyond = std::max(0, found->second.failures - patient_failures);
  return std::min(longest_delay, beyond * delay_step);
}

task<> wait(std::chrono::milliseconds time) {
  if (time.count() == 0) co_return;
  asio::any_io_executor here = co_await asio::this_coro::executor;
  asio::steady_timer timer(here, time);
  co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace carrel::auth

// `/admin/sources`: which other servers are asked about books, with what key, and how they fare (metadata-providers.md 12).

#include <algorithm>

#include "library/source_queue.hpp"
#include "library/storable.hpp"
#include "server/core/text.hpp"
#include "server/jobs/queue.hpp"
#include "web/format.hpp"
#include "web/pages/pages.hpp"
#include "web/pages/parts.hpp"

namespace carrel::web {
namespace {

using library::source;

constexpr const char* address = "/admin/sources";
constexpr std::string_view custom_prefix = "custom:";
constexpr int most_books = 1'000'000;

struct overview {
  library::source_plan plan;
  std::vector<library::source_state> states;
  std::int64_t missing = 0;
};

overview look(db::tx& tx, const config* c) {
  overview out;
  out.plan = library::read_plan(tx, *c);
  out.states = library::source_states(tx, out.plan);
  out.missing = static_cast<std::int64_t>(library::books_missing_metadata(tx, most_books).size());
  return out;
}

bool is_custom(const std::string& id) { return id.starts_with(custom_prefix); }

std::string name_of(const messages& say, const std::string& id) {
  return is_custom(id) ? id.substr(custom_prefix.size()) : say.text("source.name." + id);
}

// What a person should know first.
std::string state_words(const messages& say, const library::source_plan& plan, const source& s, const library::source_state& st) {
  if (s.key_lost) return say.text("source.state.key_lost");
  if (s.key_is == source::key::needed && !s.has_key) return say.text("source.state.needs_key");
  if (!s.on || !plan.enabled) return say.text("source.state.off");
  if (st.needs_attention) return say.text("source.state.attention");
  if (st.paused_until && *st.paused_until > now()) return say.text("source.state.paused");
  return say.text("source.state.on");
}

std::string today_words(const messages& say, const source& s, const library::source_state& st) {
  std::string n = say.number(st.today);
  if (!s.daily) return say.say("source.today", {{"n", n}});
  return say.say("source.today_of", {{"n", n}, {"budget", say.number(*s.daily)}});
}

std::string test_words(const messages& say, const library::source_state& st) {
  if (st.testing) return say.text("source.testing");
  if (st.test_result.empty()) return "";
  return st.test_result == "ok" ? say.text("source.test_ok") : say.say("source.test_bad", {{"why", st.test_result}});
}

view source_view(const visit& v, const overview& all, const source& s, const library::source_state& st, bool first) {
  view one;
  std::string name = name_of(v.say, s.id), part = s.id;
  std::replace(part.begin(), part.end(), ':', '-');
  one.set("source", s.id).set("part", part).set("path", percent_encode(s.id)).set("name", name);
  one.set("about", is_custom(s.id) ? s.url : v.say.text("source.about." + s.id)).set("custom", is_custom(s.id));
  one.set("on", s.on).set("movable", s.on && !first && !all.plan.order_fixed).set("switchable", !all.plan.order_fixed);
  one.set("state", state_words(v.say, all.plan, s, st)).set("good", all.plan.enabled && s.usable() && !st.needs_attention);
  one.set("today", today_words(v.say, s, st)).set("waiting", st.waiting > 0 ? v.say.count("source.waiting", st.waiting) : "");
  one.set("error", st.last_error).set("tested", test_words(v.say, st)).set("testing", st.testing);
  one.set("testable", all.plan.enabled && (s.key_is != source::key::needed || s.has_key));
  moment(v.say, st.last_error_at, one, "error_at");
  bool keyed = s.key_is != source::key::none;
  one.set("key_fixed", keyed && s.key_fixed).set("key_form", keyed && !s.key_fixed);
  one.set("key_hint", s.key_hint.empty() ? "" : "…" + s.key_hint)
      .set("key_kept", keyed && !s.key_fixed && (s.has_key || s.key_lost));
  return one;
}

std::string estimate_words(const messages& say, std::chrono::seconds t) {
  return length_text(say, std::max<std::int64_t>(std::chrono::ceil<std::chrono::minutes>(t).count(), 1) * 60'000);
}

void fill_queue(const visit& v, const overview& all, view& out) {
  std::int64_t waiting = 0;
  for (const library::source_state& st : all.states) waiting = std::max(waiting, st.waiting);
  out.set("queue", "").set("missing", "").set("paused", all.plan.paused);
  if (waiting > 0) {
    std::string time = estimate_words(v.say, library::estimate(all.plan, all.states));
    out.set("queue", v.say.count("source.queue", waiting, {{"time", time}}));
  }
  if (all.missing > 0 && !all.plan.asked().empty()) {
    std::string time = estimate_words(v.say, library::estimate(all.plan, all.states, all.missing));
    out.set("missing", v.say.count("source.missing", all.missing, {{"time", time}}));
  }
}

struct typed {
  std::string contact, name, url;
};

task<http::response> sources_answer(const site& at, visit v, form_errors wrong, typed said) {
  const config* settings = &at.with.settings;
  overview all = co_await at.with.pool.snapshot(look, settings);
  std::vector<view> sources;
  for (const source& s : all.plan.sources) {
    auto st =
        std::find_if(all.states.begin(), all.states.end(), [&](const library::source_state& x) { return x.source == s.id; });
    if (st != all.states.end()) sources.push_back(source_view(v, all, s, *st, sources.empty()));
  }
  view out;
  out.set("sources", sources).set("enabled", all.plan.enabled).set("enabled_fixed", all.plan.enabled_fixed);
  out.set("contact", wrong.empty() ? all.plan.contact : said.contact).set("contact_fixed", all.plan.contact_fixed);
  out.set("applies", v.say.text("source.applies." + settings->text("metadata.auto_apply")));
  out.set("typed_name", said.name).set("typed_url", said.url);
  fill_queue(v, all, out);
  wrong.fill(out);
  co_return show(v, {v.say.text("nav.sources"), "sources"}, "sources", std::move(out), wrong.empty() ? 200 : 422);
}

library::source_plan plan_now(db::tx& tx, const config* c) { return library::read_plan(tx, *c); }

// In the address, and one that there is.
task<std::string> source_param(const site& at, const visit& v) {
  std::string id(v.c.in.param("source"));
  const config* settings = &at.with.settings;
  library::source_plan plan = co_await at.with.pool.read(plan_now, settings);
  if (plan.find(id) == nullptr) not_here(v);
  co_return id;
}

std::vector<std::string> order_of(const library::source_plan& plan) {
  std::vector<std::string> out;
  for (const source& s : plan.sources) {
    if (s.on) out.push_back(s.id);
  }
  return out;
}

// False when there is no such source, or the order is set in the configuration.
bool switch_source(db::tx& tx, const config* c, const std::string& id, bool on, const library::actor& by) {
  library::source_plan plan = library::read_plan(tx, *c);
  if (plan.order_fixed || plan.find(id) == nullptr) return false;
  std::vector<std::string> order = order_of(plan);
  std::erase(order, id);
  if (on) order.push_back(id);
  library::choose_sources(tx, order, by);
  return true;
}

bool raise_source(db::tx& tx, const config* c, const std::string& id, const library::actor& by) {
  library::source_plan plan = library::read_plan(tx, *c);
  std::vector<std::string> order = order_of(plan);
  auto at = std::find(order.begin(), order.end(), id);
  if (plan.order_fixed || at == order.end() || at == order.begin()) return false;
  std::iter_swap(at, at - 1);
  library::choose_sources(tx, order, by);
  return true;
}

void keep_settings(db::tx& tx, const config* c, const std::optional<bool>& on, const std::optional<std::string>& contact,
                   const library::actor& by) {
  library::source_plan plan = library::read_plan(tx, *c);
  if (on && !plan.enabled_fixed && *on != plan.enabled) library::enable_sources(tx, *on, by);
  if (contact && !plan.contact_fixed && *contact != plan.contact) library::set_contact(tx, *contact, by);
}

bool fetch_missing(db::tx& tx, const config* c, uuid user) {
  std::vector<std::string> asked = library::read_plan(tx, *c).asked();
  std::vector<uuid> books = library::books_missing_metadata(tx, most_books);
  if (asked.empty() || books.empty()) return false;
  uuid job = jobs::enqueue(tx, library::refresh_kind, "library", {}, {}, user);
  library::add_fetches(tx, job, books, asked, library::urgency::whole_library);
  return true;
}

// A custom source gets its value as it is; keys and tokens come with what was copied around them.
std::optional<std::string> key_from(const std::string& id, const std::string& pasted) {
  if (!is_custom(id)) return library::clean_secret(pasted);
  std::string value(trim(pasted));
  bool fine =
      !value.empty() && value.size() <= 4096 && std::none_of(value.begin(), value.end(), is_control) && library::storable(value);
  return fine ? std::optional(value) : std::nullopt;
}

result<seal> open_seal(const config* c, const std::filesystem::path& data) { return library::installation_seal(*c, data); }

void store_key(db::tx& tx, const seal& with, const std::string& id, const std::string& key, const library::actor& by) {
  library::set_source_key(tx, with, id, key, by);
}

}  // namespace

answer sources_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::run_jobs);
  typed nothing;
  co_return co_await sources_answer(at, v, form_errors{}, nothing);
}

answer sources_change(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::run_jobs);
  http::form form(c.in);
  std::optional<bool> on;
  if (form.has("enabled")) on = form.text("enabled") == "on";
  std::optional<std::string> contact;
  if (form.has("contact")) contact = std::string(trim(form.text("contact")));
  form_errors wrong;
  bool readable = !contact || (contact->size() <= 200 && library::storable(*contact) &&
                               contact->find_first_of("()<>\r\n") == std::string::npos);
  if (!readable) {
    wrong.add("contact", v.say.text("source.wrong.contact"));
    typed said{.contact = *contact, .name = {}, .url = {}};
    co_return co_await sources_answer(at, v, wrong, said);
  }
  const config* settings = &at.with.settings;
  co_await at.with.pool.write(keep_settings, settings, on, contact, v.actor());
  co_return done(v, address, "saved");
}

answer source_switch(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::run_jobs);
  http::form form(c.in);
  bool on = form.has("on");
  std::string id = form.text(on ? "on" : "off");
  const config* settings = &at.with.settings;
  bool changed = co_await at.with.pool.write(switch_source, settings, id, on, v.actor());
  if (!changed) not_here(v);
  co_return done(v, address, on ? "source.on" : "source.off", "", id);
}

answer source_raise(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::run_jobs);
  std::string id(c.in.param("source"));
  const config* settings = &at.with.settings;
  bool changed = co_await at.with.pool.write(raise_source, settings, id, v.actor());
  if (!changed) not_here(v);
  co_return done(v, address, "saved");
}

answer source_key(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::run_jobs);
  std::string id = co_await source_param(at, v);
  http::form form(c.in);
  std::optional<std::string> key = key_from(id, form.text("key"));
  if (!key) {
    form_errors wrong;
    wrong.add("", v.say.say("source.wrong.key", {{"name", name_of(v.say, id)}}));
    typed nothing;
    co_return co_await sources_answer(at, v, wrong, nothing);
  }
  const config* settings = &at.with.settings;
  std::filesystem::path data = at.with.store.data();
  result<seal> opened = co_await at.with.cpu.run(open_seal, settings, data);
  if (!opened) throw http::problem{500, "The key of this installation cannot be read.", "secrets"};
  co_await at.with.pool.write(store_key, *opened, id, *key, v.actor());
  co_return done(v, address, "source.key");
}

answer source_drop_key(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::run_jobs);
  std::string id = co_await source_param(at, v);
  co_await at.with.pool.write(library::drop_source_key, id, v.actor());
  co_return done(v, address, "source.key_dropped");
}

answer source_test(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::run_jobs);
  std::string id = co_await source_param(at, v);
  co_await at.with.pool.write(library::want_source_test, id);
  co_return done(v, address, "source.test");
}

answer source_add(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::run_jobs);
  http::form form(c.in);
  library::custom_source fresh{.name = lower_ascii(trim(form.text("name"))), .url = std::string(trim(form.text("url")))};
  bool added = co_await at.with.pool.write(library::add_custom_source, fresh, v.actor());
  if (added) co_return done(v, address, "saved");
  form_errors wrong;
  wrong.add("name", v.say.text("source.wrong.custom"));
  typed said{.contact = {}, .name = replace_invalid_utf8(fresh.name), .url = replace_invalid_utf8(fresh.url)};
  co_return co_await sources_answer(at, v, wrong, said);
}

answer source_drop(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::run_jobs);
  std::string id = co_await source_param(at, v);
  if (!is_custom(id)) not_here(v);
  std::string name = id.substr(custom_prefix.size());
  co_await at.with.pool.write(library::drop_custom_source, name, v.actor());
  co_return done(v, address, "saved");
}

answer sources_fetch(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::run_jobs);
  const config* settings = &at.with.settings;
  bool any = co_await at.with.pool.write(fetch_missing, settings, v.id());
  std::string_view act = any ? "source.fetch" : "source.nothing";
  co_return done(v, address, act);
}

answer sources_pause(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::run_jobs);
  http::form form(c.in);
  bool paused = form.has("pause");
  co_await at.with.pool.write(library::pause_sources, paused, v.actor());
  co_return done(v, address, paused ? "source.paused" : "source.resumed", "", "1");
}

}  // namespace carrel::web

#include "opds/visit.hpp"

#include <algorithm>

#include "library/instance.hpp"
#include "opds/negotiation.hpp"
#include "opds/outlines.hpp"
#include "opds/problem_words.hpp"
#include "server/core/error.hpp"
#include "server/core/text.hpp"

namespace carrel::opds {
namespace {

constexpr int fewest = 5, most = 200;  // contract.md 6

identity read_identity(db::tx& tx) { return {library::instance_id(tx), library::signing_key(tx, "covers")}; }

std::optional<int> asked_page_size(const http::request& in) {
  std::optional<std::string> text = asked(in, "n");
  if (!text) text = asked(in, "count");  // OpenSearch's name for it (opds.md 6.3)
  std::optional<std::int64_t> n = text ? to_integer(*text) : std::nullopt;
  if (!n) return std::nullopt;
  return static_cast<int>(std::clamp<std::int64_t>(*n, fewest, most));
}

}  // namespace

shared_state::shared_state(services s)
    : with(std::move(s)),
      bodies(16 << 20),
      entries(12 << 20),
      page_size(static_cast<int>(std::clamp<std::int64_t>(with.settings.integer("opds.page_size"), fewest, most))),
      sign_for(std::chrono::duration_cast<std::chrono::seconds>(with.settings.duration("opds.signed_covers")).count()),
      started(now()),
      web_apps(with.settings.list("opds.cors_origins")),
      covers(with.pool, db::mode::read, "opds.covers", library::find_covers, 64),
      outlines(32 << 20),
      pages(with.store.cache() / "pages", with.settings.bytes("opds.page_cache"), with.later),
      streamed(streamed_formats(with.settings)),
      draws_pdf(with.settings.on("opds.pdf_pages")),
      counts_pages(with.settings.on("opds.stream_positions")),
      offers_manifests(with.settings.on("opds.manifests")),
      shows_popular(with.settings.on("opds.popular")),
      policy{.policy = with.settings.text("kosync.policy"), .hold_stale = false},
      readers(2),
      profiles_(with.settings.on("opds.profiles")),
      identity_(with.pool, read_identity) {}

bool shared_state::is_koreader(const http::request& in) const {
  return profiles_ && in.header("User-Agent").value_or("").starts_with("KOReader/");
}

task<visit> enter(shared_state& s, http::context& c) {
  CARREL_EXPECT(c.who && c.who->gate);  // every feed is behind a device's password
  std::shared_ptr<const identity> us = co_await s.who_we_are();

  visit v;
  v.in = &c.in;
  v.viewer = c.who->user;
  v.device = c.who->device;
  v.koreader = s.is_koreader(c.in);
  v.page_size_asked = asked_page_size(c.in);
  v.page_size = v.page_size_asked.value_or(s.page_size);
  v.at = addresses(s.with.links.devices(c.in), v.page_size_asked, form_of(c.in));
  v.site = (s.with.links.fixed() ? v.at.base() : s.with.links.pages(c.in)) + "/";
  v.instance = us->instance;
  v.sign_for = s.sign_for;
  v.signing.key = us->cover_key;
  v.signing.window = s.sign_for > 0 ? unix_seconds(now()) / s.sign_for : 0;
  v.gate = *c.who->gate;
  v.manifests = s.offers_manifests;
  v.other_metadata = s.with.copies != nullptr && s.with.copies->on();
  v.tongue = tongue_for(c);
  co_return v;
}

std::optional<std::string> asked(const http::request& in, std::string_view name) {
  std::optional<std::string> value = in.query(name);
  if (!value) return std::nullopt;
  std::string_view text = trim(*value);
  bool placeholder = text.starts_with('{') && text.ends_with('}');
  if (text.empty() || placeholder) return std::nullopt;
  return std::string(text);
}

uuid id_param(const http::request& in, std::string_view name) {
  std::optional<uuid> id = uuid::parse(in.param(name));
  if (!id) throw http::problem{404, "There is nothing at this address."};
  return *id;
}

}  // namespace carrel::opds

// `/devices/add/{kind}`: what to type on the device, large and to copy, shown once (product.md 4.7, kosync.md 13).

#include "library/shelf.hpp"
#include "web/pages/device_parts.hpp"
#include "web/pages/pages.hpp"

namespace carrel::web {
namespace {

std::string kind_param(const visit& v) {
  std::string kind(v.c.in.param("kind"));
  if (kind != "koreader" && kind != "app") not_here(v);
  return kind;
}

http::response add_form(const visit& v, const std::string& kind, const std::string& typed, const form_errors& wrong) {
  view out;
  out.set("kind_key", kind).set("for_koreader", kind == "koreader").set("typed_name", typed);
  out.set("suggested", v.say.text("device.suggested." + kind)).set("heading", v.say.text("device.add." + kind));
  wrong.fill(out);
  return show(v, {v.say.text("device.add." + kind), "devices"}, "device_add", std::move(out), wrong.empty() ? 200 : 422);
}

}  // namespace

http::response secret_answer(const visit& v, const library::new_device& made, bool rotated) {
  bool koreader = made.made.kind == "koreader";
  std::string base = v.at.with.links.devices(v.c.in);
  std::vector<view> values;
  if (koreader) values.push_back(copyable(v, "device.value.kosync", base + "/kosync"));
  values.push_back(copyable(v, "device.value.user", v.user->name));
  values.push_back(copyable(v, "device.value.password", made.password, true));
  values.push_back(copyable(v, "device.value.opds", base + "/opds"));

  view out;
  out.set("device", made.made.id.text()).set("name", made.made.name).set("values", values).set("for_koreader", koreader);
  out.set("rotated", rotated).set("insecure", base.starts_with("http://"));
  out.set("code", qr_code(koreader ? base + "/kosync" : base + "/opds"));
  fill_activity(v, {}, out);
  std::string title = v.say.say(rotated ? "device.rotated" : "device.added", {{"name", made.made.name}});
  out.set("heading", title);
  return show(v, {title, "devices"}, "device_secret", std::move(out));
}

answer device_add_page(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::keep_devices);
  std::string kind = kind_param(v);
  co_return add_form(v, kind, "", {});
}

answer device_add(const site& at, http::context& c) {
  visit v = co_await visit_of(at, c);
  v.need(library::capability::keep_devices);
  std::string kind = kind_param(v);
  http::form form(c.in);
  std::string name = form.text("name");
  form_errors wrong;
  try {
    result<library::new_device> made = co_await at.with.pool.write(library::add_device, v.id(), name, kind);
    if (made) co_return secret_answer(v, *made, false);
    wrong.add("name", v.say.text("device.wrong.name"));
  } catch (const db::unique_violation&) {
    wrong.add("name", v.say.text("device.wrong.taken"));
  }
  co_return add_form(v, kind, name, wrong);
}

}  // namespace carrel::web

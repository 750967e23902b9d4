// The bar after an act: what was done, and the form that takes it back.

#include <algorithm>
#include <array>

#include "server/core/text.hpp"
#include "web/pages/parts.hpp"
#include "web/visit.hpp"

namespace carrel::web {
namespace {

// `form` is where the undo form goes; {about} is an id. `field` carries `other`. An empty form: the act cannot be taken back.
struct known_act {
  std::string_view name, form, field;
};

constexpr std::array known_acts{
    known_act{"saved", "", ""},
    known_act{"undone", "", ""},
    known_act{"book.trashed", "/books/{about}/untrash", ""},
    known_act{"book.restored", "/books/{about}/trash", ""},
    known_act{"book.edited", "/books/{about}/undo-edit", ""},
    known_act{"opinion.saved", "/books/{about}/undo-opinion", ""},
    known_act{"book.approved", "/books/{about}/unapprove", ""},
    known_act{"book.unapproved", "/books/{about}/approve", ""},
    known_act{"book.rejected", "/books/{about}/untrash", ""},
    known_act{"book.taken", "/books/{about}/changes/undo", "group"},
    known_act{"review.nothing", "", ""},
    known_act{"field.locked", "/books/{about}/unlock", "field"},
    known_act{"field.unlocked", "/books/{about}/lock", "field"},
    known_act{"candidate.rejected", "/books/{about}/candidates/restore", "candidate"},
    known_act{"change.overtaken", "", ""},
    known_act{"nothing_new", "", ""},
    known_act{"shelf.made", "", ""},
    known_act{"shelf.deleted", "", ""},
    known_act{"shelf.added", "/shelf/{about}/remove", "book"},
    known_act{"shelf.removed", "/shelf/{about}/add", "book"},
    known_act{"device.revoked", "", ""},
    known_act{"device.caught_up", "/devices/{about}/unseen", ""},
    known_act{"kobo.again", "/devices/{about}/take-back", ""},
    known_act{"kobo.nothing", "", ""},
    known_act{"kobo.take_off", "", ""},
    known_act{"kobo.not_there", "", ""},
    known_act{"kobo.reset", "/devices/{about}/take-back", ""},
    known_act{"kobo.shown", "", ""},
    known_act{"kobo.paused", "/devices/{about}/pause", ""},
    known_act{"kobo.unpaused", "/devices/{about}/pause", "paused"},
    known_act{"position.restored", "/books/{about}/positions/undo", "row"},
    known_act{"position.removed", "/books/{about}/positions/bring-back", "row"},
    known_act{"position.accepted", "", ""},
    known_act{"position.dismissed", "", ""},
    known_act{"document.linked", "/documents/unlink", "document"},
    known_act{"errata.dismissed", "/errata/{about}/undismiss", ""},
    known_act{"errata.retried", "", ""},
    known_act{"errata.put_off", "/errata/quiet/{about}/show", ""},
    known_act{"errata.ignored", "/errata/quiet/{about}/show", ""},
    known_act{"duplicates.merged", "/merges/{about}/undo", ""},
    known_act{"duplicates.both", "/duplicates/{about}/ask-again", "other"},
    known_act{"merge.undone", "", ""},
    known_act{"merge.undone_in_part", "", ""},
    known_act{"job.cancelled", "/jobs/{about}/retry", ""},
    known_act{"job.retried", "", ""},
    known_act{"files.paused", "/jobs/files/resume", ""},
    known_act{"files.resumed", "/jobs/files/pause", ""},
    known_act{"job.paused", "/jobs/{about}/resume", ""},
    known_act{"job.resumed", "/jobs/{about}/pause", ""},
    known_act{"library.added", "/libraries/{about}/remove", ""},
    known_act{"library.removed", "/libraries/{about}/restore", ""},
    known_act{"library.scan", "", ""},
    known_act{"library.verify", "", ""},
    known_act{"library.pattern", "/libraries/{about}/pattern", "pattern"},
    known_act{"library.write_back", "/libraries/{about}/write-back", "choice"},
    known_act{"place.dismissed", "/errata/places/{about}/undismiss", ""},
    known_act{"file.well", "", ""},
    known_act{"file.not_well", "", ""},
    known_act{"key.revoked", "", ""},
    known_act{"source.on", "/admin/sources/switch", "off"},
    known_act{"source.off", "/admin/sources/switch", "on"},
    known_act{"source.key", "", ""},
    known_act{"source.key_dropped", "", ""},
    known_act{"source.test", "", ""},
    known_act{"source.fetch", "", ""},
    known_act{"source.nothing", "", ""},
    known_act{"source.paused", "/admin/sources/pause", "resume"},
    known_act{"source.resumed", "/admin/sources/pause", "pause"},
    known_act{"person.added", "", ""},
    known_act{"person.disabled", "/people/{about}/enable", ""},
    known_act{"person.enabled", "/people/{about}/disable", ""},
    known_act{"person.role", "/people/{about}/role", "role"},
    known_act{"password.changed", "", ""},
    known_act{"bulk.dropped", "", ""},
    known_act{"attic.restored", "", ""},
    known_act{"quarantine.discarded", "/quarantine/{about}/keep", ""},
    known_act{"upload.sent", "", ""},
    known_act{"upload.known", "", ""},
};

}  // namespace

http::response done(const visit& v, std::string_view path, std::string_view act, std::string_view about, std::string_view other) {
  std::string to = v.href(path);
  std::string fragment;
  if (std::size_t hash = to.find('#'); hash != std::string::npos) {
    fragment = to.substr(hash);
    to.resize(hash);
  }
  to += to.find('?') == std::string::npos ? "?done=" : "&done=";
  to += act;
  if (!about.empty()) to += "&about=" + percent_encode(about);
  if (!other.empty()) to += "&other=" + percent_encode(other);
  return http::redirect(to + fragment);
}

bool undo_bar(const visit& v, view& into) {
  std::string name = v.c.in.query("done").value_or("");
  auto act = std::find_if(known_acts.begin(), known_acts.end(), [&](const known_act& a) { return a.name == name; });
  into.set("bar", false);
  if (!v.user || act == known_acts.end()) return false;

  view bar;
  bar.set("bar_words", v.say.text("done." + name)).set("bar_form", false);
  std::optional<uuid> about = id_of(v.c.in.query("about"));
  std::string form(act->form);
  std::size_t place = form.find("{about}");
  bool complete = !form.empty() && (place == std::string::npos || about);
  if (complete) {
    if (place != std::string::npos) form.replace(place, 7, about->text());
    std::string back = std::string(v.c.in.path()) + query_with(v.c.in, "", "");
    if (back.back() == '?') back.pop_back();
    bar.set("bar_form", v.href(form)).set("bar_back", back);
    bar.set("bar_field", act->field).set("bar_value", v.c.in.query("other").value_or(""));
  }
  into.set("bar", std::move(bar));
  return true;
}

}  // namespace carrel::web

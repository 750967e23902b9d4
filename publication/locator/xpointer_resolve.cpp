#include <algorithm>

#include "publication/locator/blanks.hpp"
#include "publication/locator/xpointer.hpp"

namespace carrel::publication::locator {
namespace {

using kind = xpointer_step::kind;

// A child of an element: another element, or a text.
struct node {
  number element = none, text = none;
};

// By its number among all children of which crengine knows, from 0.
std::optional<node> child_numbered(const document& d, number parent, std::uint64_t wanted) {
  std::vector<number> texts = kept_texts(d, parent);
  auto text = texts.begin();
  std::uint64_t at = 0;
  for (number c = d.first_child(parent);; c = d.next_sibling(c)) {
    for (; text != texts.end() && (c == none || d.texts()[*text].after < d.elements()[c].position); ++text) {
      if (at++ == wanted) return node{.text = *text};
    }
    if (c == none) return std::nullopt;
    if (at++ == wanted) return node{.element = c};
  }
}

class walker {
 public:
  walker(const document& d, const xpointer& p) : d_(d), p_(p) {}

  resolved run() {
    if (p_.steps.empty()) return {};  // an offset counts children of the fragment, before its text
    const xpointer_step& first = p_.steps.front();
    if (d_.body() == none || first.what != kind::element || first.name != "body" || first.index != 1) return stopped();
    at_ = {.element = d_.body()};
    for (std::size_t i = 1; i < p_.steps.size(); ++i) {
      if (!take(p_.steps[i])) return stopped();
    }
    resolved out = at_.text == none ? in_element() : in_text();
    if (p_.boxed && out.how == quality::exact) out.how = quality::element;
    return out;
  }

 private:
  bool take(const xpointer_step& s) {
    if (at_.text != none) return false;
    if (s.what == kind::element) {
      std::optional<number> child = d_.child(at_.element, s.name, s.index);
      if (child) at_.element = *child;
      return child.has_value();
    }
    if (s.what == kind::child) {
      std::optional<node> child = s.index == 0 ? std::nullopt : child_numbered(d_, at_.element, s.index - 1);
      if (child && child->element != none) at_.element = child->element;
      if (child) at_.text = child->text;
      return child.has_value();
    }
    std::vector<number> texts = kept_texts(d_, at_.element);
    if (s.index > texts.size()) return false;
    at_.text = texts[static_cast<std::size_t>(s.index - 1)];
    return true;
  }

  // At the last step that could be taken.
  resolved stopped() const {
    bool in_body = at_.element != none && at_.element != d_.body();
    return {.nw = at_.element == none ? 0 : d_.elements()[at_.element].nw,
            .how = in_body ? quality::element : quality::item,
            .whole = false};
  }

  resolved in_text() const {
    std::string_view raw = d_.raw(at_.text);
    raw_place place = byte_of_offset(raw, p_.offset.value_or(0), d_.is_preformatted(d_.texts()[at_.text].parent));
    return {.nw = d_.nw_at({.text = at_.text, .byte = place.byte}), .how = place.beyond ? quality::element : quality::exact};
  }

  resolved in_element() const {
    std::uint64_t begin = d_.elements()[at_.element].nw;
    if (p_.offset.value_or(0) == 0) return {.nw = begin};
    if (std::optional<node> child = child_numbered(d_, at_.element, *p_.offset))
      return {.nw = child->text == none ? d_.elements()[child->element].nw : d_.texts()[child->text].nw};
    number end = d_.elements()[at_.element].end;
    return {.nw = end < d_.elements().size() ? d_.elements()[end].nw : d_.nw(), .how = quality::element};
  }

  const document& d_;
  const xpointer& p_;
  node at_;
};

}  // namespace

resolved resolve(const document& d, const xpointer& p) {
  if (p.what == xpointer::kind::fragment) return walker(d, p).run();
  if (p.id.empty()) return {};
  std::optional<number> e = d.with_id(p.id);
  if (!e) return {.nw = 0, .how = quality::item, .whole = false};
  return {.nw = d.elements()[*e].nw};
}

}  // namespace carrel::publication::locator

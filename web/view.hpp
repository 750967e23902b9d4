#pragma once
// What a template is filled with. {{name}} escapes; {{{name}}} is only for HTML that went through the sanitiser.

#include <concepts>
#include <kainjow/mustache.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace carrel::web {

class view {
 public:
  // An empty text is false for sections, so {{#name}} shows only what is there.
  view& set(const std::string& name, std::string_view text) {
    data_[name] = text.empty() ? kainjow::mustache::data(false) : kainjow::mustache::data(std::string(text));
    return *this;
  }
  view& set(const std::string& name, const std::string& text) { return set(name, std::string_view(text)); }
  view& set(const std::string& name, const char* text) { return set(name, std::string_view(text)); }
  view& set(const std::string& name, std::same_as<bool> auto on) {
    data_[name] = kainjow::mustache::data(on);
    return *this;
  }
  template <std::integral I>
  requires(!std::same_as<I, bool>) view& set(const std::string& name, I number) {
    return set(name, std::string_view(std::to_string(number)));
  }
  view& set(const std::string& name, view inner) {
    data_[name] = std::move(inner.data_);
    return *this;
  }
  view& set(const std::string& name, const std::vector<view>& items) {
    kainjow::mustache::list all;
    all.reserve(items.size());
    for (const view& item : items) all.push_back(item.data_);
    data_[name] = kainjow::mustache::data(all);
    data_["any_" + name] = kainjow::mustache::data(!items.empty());
    return *this;
  }

  const kainjow::mustache::data& data() const { return data_; }

 private:
  kainjow::mustache::data data_;
};

}  // namespace carrel::web

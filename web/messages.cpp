#include "web/messages.hpp"

#include <unicode/locid.h>
#include <unicode/numberformatter.h>
#include <unicode/plurrule.h>

#include <algorithm>
#include <stdexcept>

#include "server/core/text.hpp"
#include "web/embedded.hpp"

namespace carrel::web {
namespace {

std::string filled(const std::string& text, messages::values given) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t open = text.find('{', at);
    std::size_t close = open == std::string::npos ? open : text.find('}', open);
    if (close == std::string::npos) break;
    out.append(text, at, open - at);
    std::string_view name(text.data() + open + 1, close - open - 1);
    auto value = std::find_if(given.begin(), given.end(), [&](const auto& v) { return v.first == name; });
    if (value == given.end())
      throw std::logic_error("a text has the placeholder " + std::string(name) + " and got no value for it");
    out.append(value->second);
    at = close + 1;
  }
  return out.append(text, at);
}

icu::Locale locale_of(const std::string& language) { return icu::Locale::createCanonical(language.c_str()); }

std::string plural_form(const std::string& language, std::int64_t n) {
  UErrorCode failed = U_ZERO_ERROR;
  std::unique_ptr<icu::PluralRules> rules(icu::PluralRules::forLocale(locale_of(language), failed));
  if (U_FAILURE(failed) || !rules) return "other";
  std::string form;
  rules->select(static_cast<double>(n)).toUTF8String(form);
  return form;
}

std::string accented(const std::string& text) {
  static constexpr std::string_view plain = "aceinouyACEINOUY";
  static constexpr const char* marked[] = {"á", "ç", "é", "í", "ñ", "ö", "ü", "ý", "Á", "Ç", "É", "Í", "Ñ", "Ö", "Ü", "Ý"};
  std::string out = "[";
  bool inside = false;
  for (char c : text) {
    if (c == '{') inside = true;
    std::size_t at = inside ? std::string_view::npos : plain.find(c);
    if (at == std::string_view::npos) {
      out += c;
    } else {
      out += marked[at];
    }
    if (c == '}') inside = false;
  }
  return out + "]";
}

}  // namespace

std::optional<error> messages::add(std::string_view file) {
  std::size_t line_number = 0;
  for (std::string_view rest = file; !rest.empty();) {
    std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++line_number;
    if (line.empty() || line.starts_with('#')) continue;
    std::size_t equals = line.find('=');
    std::string key(trim(line.substr(0, std::min(equals, line.size()))));
    if (equals == std::string_view::npos || key.empty()) return error{"line " + std::to_string(line_number), "is not key = text"};
    if (!texts_.emplace(key, trim(line.substr(equals + 1))).second) {
      return error{"line " + std::to_string(line_number), "has a key that was there before"};
    }
  }
  return std::nullopt;
}

result<messages> messages::parse(const std::string& language, const std::vector<std::string_view>& files,
                                 const messages* fallback) {
  messages out;
  out.language_ = language;
  for (std::string_view file : files) {
    if (std::optional<error> wrong = out.add(file)) return *wrong;
  }
  if (fallback) {
    for (const auto& [key, text] : fallback->texts_) out.texts_.emplace(key, text);
  }
  return out;
}

messages messages::pseudo(const messages& english, const std::string& language) {
  messages out;
  out.language_ = language;
  for (const auto& [key, text] : english.texts_) out.texts_.emplace(key, accented(text));
  return out;
}

bool messages::right_to_left() const { return locale_of(language_).isRightToLeft() != 0; }

bool messages::has(std::string_view key) const { return texts_.find(key) != texts_.end(); }

const std::string& messages::text(std::string_view key) const {
  auto found = texts_.find(key);
  if (found == texts_.end()) throw std::logic_error("no message file has the key " + std::string(key));
  return found->second;
}

std::string messages::say(std::string_view key, values given) const { return filled(text(key), given); }

std::string messages::count(std::string_view key, std::int64_t n, values given) const {
  std::string form = std::string(key) + "[" + plural_form(language_, n) + "]";
  const std::string& chosen = has(form) ? text(form) : text(std::string(key) + "[other]");
  std::string shown = number(n), open = "{n}", with_number;
  std::size_t at = 0;
  for (std::size_t found; (found = chosen.find(open, at)) != std::string::npos; at = found + open.size()) {
    with_number.append(chosen, at, found - at).append(shown);
  }
  with_number.append(chosen, at);
  return filled(with_number, given);
}

std::string messages::number(std::int64_t n) const {
  UErrorCode failed = U_ZERO_ERROR;
  icu::UnicodeString text = icu::number::NumberFormatter::withLocale(locale_of(language_)).formatInt(n, failed).toString(failed);
  if (U_FAILURE(failed)) return std::to_string(n);
  std::string out;
  return text.toUTF8String(out);
}

languages::languages() {
  std::map<std::string, std::vector<std::string_view>> files;
  for (const embedded& file : message_texts()) files[std::string(file.name.substr(0, file.name.find('/')))].push_back(file.text);
  auto read = [&](const std::string& language, const messages* fallback) {
    result<messages> parsed = messages::parse(language, files.at(language), fallback);
    if (!parsed) throw std::logic_error("messages/" + language + ", " + parsed.error().message());
    all_.push_back(std::make_unique<messages>(std::move(*parsed)));
  };
  read("en", nullptr);
  for (const auto& [language, texts] : files) {
    if (language != "en") read(language, all_.front().get());
  }
  for (const char* language : {"en-XA", "ar-XB"}) {
    all_.push_back(std::make_unique<messages>(messages::pseudo(english(), language)));
  }
}

const messages* languages::find(std::string_view tag) const {
  for (const auto& m : all_) {
    if (equal_ascii_case(m->language(), tag)) return m.get();
  }
  std::string_view primary = tag.substr(0, tag.find('-'));
  for (const auto& m : all_) {
    if (equal_ascii_case(m->language(), primary)) return m.get();
  }
  return nullptr;
}

const messages& languages::choose(std::string_view account, std::string_view accept_language) const {
  if (!account.empty()) {
    if (const messages* m = find(account)) return *m;
  }
  const messages* best = nullptr;
  double best_weight = 0;
  for (const std::string& item : split(accept_language.substr(0, 200), ',')) {
    std::vector<std::string> parts = split(item, ';');
    double weight = 1;
    if (parts.size() > 1 && parts[1].starts_with("q=")) weight = to_double(parts[1].substr(2)).value_or(0);
    const messages* m = find(parts[0]);
    if (m && weight > best_weight) {
      best = m;
      best_weight = weight;
    }
  }
  return best ? *best : english();
}

}  // namespace carrel::web

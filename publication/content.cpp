#include "publication/content.hpp"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "publication/entities.hpp"
#include "publication/html.hpp"
#include "publication/unicode_tools.hpp"
#include "publication/xml.hpp"
#include "server/core/error.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

// charset of a meta element in the first 1,024 bytes.
std::string meta_charset(std::string_view bytes) {
  std::string head = lower_ascii(bytes.substr(0, 1024));
  for (std::size_t meta = head.find("<meta"); meta != std::string::npos; meta = head.find("<meta", meta + 5)) {
    std::string_view tag = std::string_view(head).substr(meta, head.find('>', meta) - meta);
    std::size_t at = tag.find("charset");
    if (at == std::string_view::npos) continue;
    at = tag.find_first_not_of(" \t\r\n", at + 7);
    if (at == std::string_view::npos || tag[at] != '=') continue;
    at = tag.find_first_not_of(" \t\r\n\"'", at + 1);
    if (at == std::string_view::npos) continue;
    return std::string(tag.substr(at, std::min(tag.find_first_of(" \t\r\n\"';/", at), tag.size()) - at));
  }
  return {};
}

bool is_wide_or_utf8(std::string_view name) {
  return name.empty() || name == "utf-8" || name == "utf8" || name.starts_with("utf-16") || name.starts_with("utf-32") ||
         name.starts_with("ucs-");
}

// Invalid bytes that stand alone between ASCII, and seldom, are letters of windows-1252.
bool looks_like_windows_1252(std::string_view s) {
  std::size_t alone = 0, others = 0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (static_cast<unsigned char>(s[i]) < 0x80) continue;
    bool before = i > 0 && static_cast<unsigned char>(s[i - 1]) >= 0x80;
    bool after = i + 1 < s.size() && static_cast<unsigned char>(s[i + 1]) >= 0x80;
    ++(before || after ? others : alone);
  }
  return alone > others && (alone + others) * 5 <= s.size();
}

void tidy_controls(std::string& s) {
  std::size_t to = 0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    char c = s[i];
    if (c == '\0') continue;
    if (c == '\r') {
      if (i + 1 < s.size() && s[i + 1] == '\n') continue;
      c = '\n';
    } else if (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n') {
      c = ' ';
    }
    s[to++] = c;
  }
  s.resize(to);
}

bool has_controls(std::string_view s) {
  constexpr std::size_t block = 256;  // looked at without a branch for each byte
  for (std::size_t from = 0; from < s.size(); from += block) {
    unsigned found = 0;
    for (char c : s.substr(from, block))
      found |= static_cast<unsigned>(static_cast<unsigned char>(c) < 0x20) & static_cast<unsigned>(c != '\t') &
               static_cast<unsigned>(c != '\n');
    if (found != 0) return true;
  }
  return false;
}

constexpr std::array<unsigned char, 128> is_counted_ascii = [] {
  std::array<unsigned char, 128> out{};
  out.fill(1);
  for (unsigned c : {9U, 10U, 11U, 12U, 13U, 28U, 29U, 30U, 31U, 32U}) out[c] = 0;
  return out;
}();

bool is_wide(UChar32 c) {
  if (c < 0x1100) return false;
  return c <= 0x11ff || (c >= 0x2e80 && c <= 0x9fff) || (c >= 0xac00 && c <= 0xd7af) || (c >= 0xf900 && c <= 0xfaff) ||
         (c >= 0x20000 && c <= 0x3ffff);
}

// script or style, with any prefix.
bool is_hidden(const char* name) {
  if (const char* colon = std::strchr(name, ':')) name = colon + 1;
  if (name[0] != 's' && name[0] != 'S') return false;
  return equal_ascii_case(name, "script") || equal_ascii_case(name, "style");
}

bool is_element(const pugi::xml_node& n, std::string_view name) { return equal_ascii_case(local_name(n), name); }

const icu::Normalizer2& nfc_rules() {
  static const icu::Normalizer2& rules = []() -> const icu::Normalizer2& {
    UErrorCode status = U_ZERO_ERROR;
    const icu::Normalizer2* n = icu::Normalizer2::getNFCInstance(status);
    CARREL_EXPECT(U_SUCCESS(status) && n != nullptr);
    return *n;
  }();
  return rules;
}

}  // namespace

pugi::xml_node content_document::body() const {
  for (pugi::xml_node html : tree.children()) {
    if (html.type() != pugi::node_element) continue;
    if (is_element(html, "body")) return html;
    if (pugi::xml_node b = child(html, "body")) return b;
  }
  return {};
}

bool has_second_body(const pugi::xml_node& body) {
  auto is_other = [&](const pugi::xml_node& n) { return n.type() == pugi::node_element && is_element(n, "body") && n != body; };
  pugi::xml_node root = body;
  while (root.parent().type() == pugi::node_element) root = root.parent();
  for (pugi::xml_node n : root.parent().children()) {
    if (n.type() == pugi::node_element && n != root) return true;
  }
  return body.parent().type() == pugi::node_element && body.parent().find_child(is_other);
}

std::string decode_content(std::string_view bytes, std::size_t* replaced) {
  bool bom = bytes.starts_with("\xef\xbb\xbf") || bytes.starts_with("\xff\xfe") || bytes.starts_with("\xfe\xff");
  bool wide = bom || bytes.substr(0, 4).find('\0') != std::string_view::npos;
  std::size_t invalid = 0;
  std::string name = lower_ascii(declared_encoding(bytes));
  if (name.empty()) name = lower_ascii(meta_charset(bytes));
  std::string text;
  if (wide) {
    decoded d = decode_xml(bytes);
    text = std::move(d.text);
    invalid = d.invalid;
  } else if (is_wide_or_utf8(name) || !convert_to_utf8(bytes, name, text)) {
    if (valid_text(bytes)) {
      text = std::string(bytes);
    } else if (!name.empty() || !looks_like_windows_1252(bytes) || !convert_to_utf8(bytes, "windows-1252", text)) {
      text = replace_invalid_utf8(bytes);
      invalid = 1;
    }
  }
  if (has_controls(text)) tidy_controls(text);
  if (replaced != nullptr) *replaced = invalid;
  return text;
}

namespace {

// `keep_all`: the DOCTYPE will be looked at, whose subset is dropped here.
std::string prepared(std::string_view bytes, std::size_t& replaced, bool keep_all, bool html = false) {
  std::string text = decode_content(bytes, &replaced);
  bool has_subset = text.find(keep_all ? "!DOCTYPE" : "!ENTITY") != std::string::npos;
  if (has_subset || text.find('&') != std::string::npos) return prepare_references(text, nullptr, html);
  return text;
}

}  // namespace

void parse_content(std::string_view bytes, content_document& out, bool keep_all) {
  out.text = prepared(bytes, out.replaced, keep_all);
  unsigned options = pugi::parse_default | pugi::parse_ws_pcdata;
  if (keep_all) options |= pugi::parse_comments | pugi::parse_pi | pugi::parse_declaration | pugi::parse_doctype;
  out.from_html = false;
  out.complete =
      out.tree.load_buffer_inplace(out.text.data(), out.text.size(), options, pugi::encoding_utf8) && out.tree.document_element();
  if (!out.complete) parse_content_as_html(bytes, out);  // the first try has used the text up
}

void parse_content_as_html(std::string_view bytes, content_document& out) {
  std::string text = prepared(bytes, out.replaced, true, true);
  pugi::xml_document html;
  if (!parse_html(text, html)) return;
  if (text.starts_with("<?xml")) html.prepend_child(pugi::node_declaration).set_name("xml");
  out.tree.reset(html);
  out.from_html = out.complete = true;
}

void parse_whole_content(std::string_view bytes, content_document& out) {
  parse_content(bytes, out);
  pugi::xml_node body = out.body();
  if (out.complete && !out.from_html && body && has_second_body(body)) parse_content_as_html(bytes, out);
}

void append_text(const pugi::xml_node& body, std::string& out) {
  for (pugi::xml_node at = body.first_child(); at;) {
    bool skip = false;
    if (at.type() == pugi::node_pcdata || at.type() == pugi::node_cdata) {
      out += at.value();
    } else if (at.type() == pugi::node_element) {
      skip = is_hidden(at.name());
    }
    at = next_node(at, body, skip);
  }
}

void append_pictures(const pugi::xml_node& body, std::vector<std::string>& out) {
  for (pugi::xml_node at = body.first_child(); at; at = next_node(at, body)) {
    if (at.type() != pugi::node_element) continue;
    std::string_view name = local_name(at);
    std::string href;
    if (equal_ascii_case(name, "img")) {
      href = attribute(at, "src");
    } else if (equal_ascii_case(name, "image")) {
      href = attribute(at, "href");
    } else if (equal_ascii_case(name, "object") &&
               (attribute(at, "type").empty() || attribute(at, "type").starts_with("image/"))) {
      href = attribute(at, "data");
    }
    if (!href.empty()) out.push_back(std::move(href));
  }
}

bool is_kobo_span(const pugi::xml_node& n) {
  pugi::xml_attribute list = n.attribute("class");
  return list && has_token(list.value(), "koboSpan");
}

bool has_kobo_spans(const pugi::xml_node& body) {
  for (pugi::xml_node at = body.first_child(); at; at = next_node(at, body)) {
    if (is_kobo_span(at)) return true;
  }
  return false;
}

bool is_hidden(const pugi::xml_node& n) { return n.type() == pugi::node_element && is_hidden(n.name()); }

normal_text::normal_text() { digest_.update("carrel-text-v1\n"); }

void normal_text::add(std::string_view utf8) {
  // Everything before the last character that nothing can combine with is settled.
  std::size_t cut = utf8.size();
  bool found = false;
  while (cut > 0 && !found) {
    --cut;
    if ((static_cast<unsigned char>(utf8[cut]) & 0xc0) == 0x80) continue;
    std::size_t i = cut;
    found = nfc_rules().hasBoundaryBefore(next_code_point(utf8, i));
  }
  if (!found) {
    waiting_ += utf8;
    return;
  }
  if (waiting_.empty()) {
    emit(utf8.substr(0, cut));
  } else {
    // Only up to the first border does the new text meet what waits.
    std::size_t joint = 0;
    while (joint < cut) {
      std::size_t i = joint;
      if (nfc_rules().hasBoundaryBefore(next_code_point(utf8, i))) break;
      joint = i;
    }
    waiting_ += utf8.substr(0, joint);
    emit(waiting_);
    emit(utf8.substr(joint, cut - joint));
  }
  waiting_ = utf8.substr(cut);
}

void normal_text::emit(std::string_view utf8) {
  UErrorCode status = U_ZERO_ERROR;
  icu::StringPiece piece(utf8.data(), static_cast<int32_t>(utf8.size()));
  std::string composed;
  if (!nfc_rules().isNormalizedUTF8(piece, status)) {
    icu::StringByteSink<std::string> sink(&composed, static_cast<int32_t>(utf8.size()));
    nfc_rules().normalizeUTF8(0, piece, sink, nullptr, status);
    if (U_SUCCESS(status)) utf8 = composed;
  }
  std::array<char, 8192> kept;
  char* to = kept.data();
  std::uint64_t wide = 0, narrow = 0;
  for (std::size_t i = 0; i < utf8.size();) {
    if (to - kept.data() > static_cast<std::ptrdiff_t>(kept.size()) - 8) {
      digest_.update(kept.data(), static_cast<std::size_t>(to - kept.data()));
      to = kept.data();
    }
    auto byte = static_cast<unsigned char>(utf8[i]);
    if (byte < 0x80) {
      ++i;
      *to = static_cast<char>(byte);  // without a branch: blanks are frequent and come irregularly
      to += is_counted_ascii[byte];
      narrow += is_counted_ascii[byte];
      continue;
    }
    std::size_t from = i;
    UChar32 c = next_code_point(utf8, i);
    if (is_ignored(c)) continue;
    to = std::copy(utf8.begin() + static_cast<std::ptrdiff_t>(from), utf8.begin() + static_cast<std::ptrdiff_t>(i), to);
    ++(is_wide(c) ? wide : narrow);
  }
  digest_.update(kept.data(), static_cast<std::size_t>(to - kept.data()));
  wide_ += wide;
  narrow_ += narrow;
}

std::string normal_text::hash() {
  emit(waiting_);
  waiting_.clear();
  return digest_.hex();
}

int normal_text::pages() const {
  std::uint64_t pages = (10 * narrow_ + 25 * wide_ + 12499) / 12500;
  return static_cast<int>(std::clamp<std::uint64_t>(pages, 1, 1'000'000));
}

}  // namespace carrel::publication

#include "publication/pdf/open_pdf.hpp"

#include <algorithm>
#include <qpdf/QPDFExc.hh>

#include "publication/names.hpp"
#include "publication/pdf/document.hpp"
#include "publication/pdf/fields.hpp"
#include "publication/unicode.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication {
namespace {

using namespace pdf;

constexpr std::size_t longest_fact = 300;
constexpr double longest_side = 200 * 72;  // points
const std::string width_fact = "page_width", height_fact = "page_height";

refusal damaged() { return {"pdf_damaged", ""}; }

// A handler of another name than /Standard belongs to a shop.
std::string kind_of_protection(document& d) {
  std::string handler = name_of(entry(entry(d.file.getTrailer(), "/Encrypt"), "/Filter"));
  return handler == "/EBX_HANDLER" ? "adept" : "unknown";
}

void add_fact(metadata& about, const std::string& key, std::string_view value) {
  std::string text = clean_text(value, longest_fact);
  if (!text.empty()) about.facts.emplace_back(key, std::move(text));
}

void read_facts(document& d, metadata& about) {
  QPDFObjectHandle info = entry(d.file.getTrailer(), "/Info");
  add_fact(about, "pdf_version", d.file.getPDFVersion());
  add_fact(about, "producer", text_of(entry(info, "/Producer")));
  add_fact(about, "creator", text_of(entry(info, "/Creator")));
  page_size size = size_of_page(d.pages.front());
  add_fact(about, width_fact, shortest(size.width * size.unit));
  add_fact(about, height_fact, shortest(size.height * size.unit));
  if (d.file.isEncrypted()) add_fact(about, "encrypted", "true");
}

void read_fields(document& d, metadata& about, const limits& limit, std::vector<warning>& warnings) {
  QPDFObjectHandle root = d.file.getRoot(), info = entry(d.file.getTrailer(), "/Info");
  fields out(about, clean_text(text_of(entry(info, "/Producer")), longest_fact), warnings);
  if (QPDFObjectHandle packet = entry(root, "/Metadata"); packet.isStream()) {
    std::optional<std::string> bytes = contents_of(packet, false, limit.package_xml);
    if (bytes)
      fill_from_xmp(out, *bytes, limit, warnings);
    else
      warn(warnings, "metadata_invalid_value", "XMP");
  }
  out.languages({text_of(entry(root, "/Lang"))});
  out.title(text_of(entry(info, "/Title")));
  out.authors({text_of(entry(info, "/Author"))});
  out.description(text_of(entry(info, "/Subject")));
  out.subjects(keywords(text_of(entry(info, "/Keywords"))));
  about.title_sort = title_sort(about.title, about.languages.empty() ? "" : about.languages.front());
}

std::optional<refusal> read_document(document& d, opened& out, const limits& limit) {
  bool repaired = false;
  if (!read_pages(d, repaired)) return refusal{"pdf_damaged", "more than " + std::to_string(most_pages) + " pages"};
  if (d.pages.empty()) return damaged();
  out.about.page_count = static_cast<int>(d.pages.size());
  out.about.page_count_source = "counted";
  read_facts(d, out.about);
  read_fields(d, out.about, limit, out.warnings);
  out.about.toc = read_outline(d, out.warnings);
  out.cover = find_page_picture(d, limit);
  if (repaired || d.file.anyWarnings()) warn(out.warnings, "pdf_damaged", "it could be repaired for reading");
  return std::nullopt;
}

// False when the file is sound, as far as that can be told, but closed.
bool load(document& d, opened& out) {
  d.file.setSuppressWarnings(true);
  d.file.setAttemptRecovery(true);
  try {
    d.file.processInputSource(d.bytes, "");
    return true;
  } catch (const QPDFExc& e) {
    if (e.getErrorCode() == qpdf_e_password) {
      warn(out.warnings, "pdf_password");
      return false;
    }
    if (e.getErrorCode() != qpdf_e_unsupported || entry(d.file.getTrailer(), "/Encrypt").isNull()) throw;
    out.about.drm = kind_of_protection(d);
    warn(out.warnings, "drm_protected", out.about.drm);
    return false;
  }
}

std::optional<refusal> read_file(int descriptor, opened& out, const limits& limit) {
  document d;
  d.bytes = std::make_shared<source>(descriptor);
  try {
    if (!load(d, out)) return std::nullopt;
    if (std::optional<refusal> bad = read_document(d, out, limit)) return bad;
    out.content_hash = content_hash(d, limit);
    return std::nullopt;
  } catch (const std::bad_alloc&) {
    return refusal{"inspection_limit", "memory"};
  } catch (const std::exception&) {  // of qpdf, which throws several kinds
    return damaged();
  } catch (const too_deep&) {
    return damaged();
  }
}

double side(const metadata& about, const std::string& key) {
  auto found = std::find_if(about.facts.begin(), about.facts.end(), [&](const auto& f) { return f.first == key; });
  return found == about.facts.end() ? 0 : to_double(found->second).value_or(0);
}

}  // namespace

result<opened, refusal> open_pdf(int descriptor, const std::string& file_name, const limits& limit,
                                 std::vector<warning> warnings) {
  opened out;
  out.format = "pdf";
  out.about.fixed_layout = true;
  out.warnings = std::move(warnings);
  if (std::optional<refusal> bad = read_file(descriptor, out, limit)) return *bad;
  complete_from_name(out.about, guess_from_name(file_name), out.warnings);
  return out;
}

bool is_drawable_pdf(const opened& o) {
  double width = side(o.about, width_fact), height = side(o.about, height_fact);
  return o.format == "pdf" && width > 0 && height > 0 && std::max(width, height) <= longest_side;
}

}  // namespace carrel::publication

#include "publication/kepub/wellformed.hpp"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include <climits>
#include <memory>

namespace carrel::publication::kepub {
namespace {

void no_output(void*, const char*, ...) {}

}  // namespace

bool is_well_formed(std::string_view text) {
  if (text.empty() || text.size() > INT_MAX) return false;
  xmlInitParser();
  auto length = static_cast<int>(text.size());
  std::unique_ptr<xmlParserCtxt, decltype(&xmlFreeParserCtxt)> context(xmlCreateMemoryParserCtxt(text.data(), length),
                                                                       &xmlFreeParserCtxt);
  if (context == nullptr) return false;
  xmlCtxtUseOptions(context.get(), XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_HUGE);
  // No tree is wanted, only the verdict.
  xmlSAXHandler silent{};
  silent.initialized = XML_SAX2_MAGIC;
  silent.error = silent.warning = silent.fatalError = &no_output;
  *context->sax = silent;
  xmlParseDocument(context.get());
  return context->wellFormed != 0;
}

}  // namespace carrel::publication::kepub

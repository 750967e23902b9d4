#include "publication/natural_order.hpp"

#include <unicode/coll.h>

#include <memory>

#include "server/core/error.hpp"

namespace carrel::publication {
namespace {

const icu::Collator& numeric_order() {
  static const std::unique_ptr<icu::Collator> order = [] {
    UErrorCode status = U_ZERO_ERROR;
    std::unique_ptr<icu::Collator> made(icu::Collator::createInstance(icu::Locale::getRoot(), status));
    CARREL_EXPECT(U_SUCCESS(status) && made != nullptr);
    made->setAttribute(UCOL_NUMERIC_COLLATION, UCOL_ON, status);
    made->setStrength(icu::Collator::TERTIARY);
    CARREL_EXPECT(U_SUCCESS(status));
    return made;
  }();
  return *order;
}

icu::StringPiece piece(std::string_view s) { return {s.data(), static_cast<int32_t>(s.size())}; }

}  // namespace

bool in_natural_order(std::string_view one, std::string_view other) {
  UErrorCode status = U_ZERO_ERROR;
  UCollationResult order = numeric_order().compareUTF8(piece(one), piece(other), status);
  return U_SUCCESS(status) && order != UCOL_EQUAL ? order == UCOL_LESS : one < other;
}

}  // namespace carrel::publication

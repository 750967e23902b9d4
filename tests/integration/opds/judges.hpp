#pragma once
// The outside judge of JSON documents (opds.md 16), where the folder with the schemas exists.

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/harness/folder.hpp"

namespace carrel::opds::tests {

// "" when the document is one of that kind (check_json.py), else what the judge says.
inline std::string refused_json(const std::string& kind, const std::string& document) {
  std::filesystem::path script = harness::shared_folder() / "schemas" / "opds" / "check_json.py";
  bool here = std::filesystem::exists(script) && std::system("python3 -c 'import jsonschema' >/dev/null 2>&1") == 0;
  if (!here) {
    WARN("the OPDS schemas or python3-jsonschema are not here: documents are not validated");
    return "";
  }
  harness::scratch_folder scratch;
  std::filesystem::path file = scratch.path / "document.json", log = scratch.path / "log";
  std::ofstream(file) << document;
  std::string command = "python3 '" + script.string() + "' " + kind + " '" + file.string() + "' >'" + log.string() + "' 2>&1";
  if (std::system(command.c_str()) == 0) return "";
  return harness::read_file(log) + "\n" + document.substr(0, 2000);
}

}  // namespace carrel::opds::tests

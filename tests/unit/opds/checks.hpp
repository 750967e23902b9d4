#pragma once
// The outside judges of opds.md 16, where the folder with the schemas exists.

#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/harness/folder.hpp"

namespace carrel::opds::tests {

// "" when every document passes, else what the judges say. One run of xmllint for many documents.
inline std::string refused(const std::vector<std::string>& documents) {
  std::filesystem::path script = harness::shared_folder() / "schemas" / "opds" / "check_xml.sh";
  bool here = std::filesystem::exists(script) && std::system("command -v xmllint >/dev/null 2>&1") == 0;
  if (!here) {
    WARN("the OPDS schemas or xmllint are not here: documents are not validated");
    return "";
  }
  harness::scratch_folder scratch;
  const std::filesystem::path& folder = scratch.path;
  for (std::size_t i = 0; i < documents.size(); ++i) std::ofstream(folder / ("doc" + std::to_string(i) + ".xml")) << documents[i];
  std::string command = "sh '" + script.string() + "' '" + folder.string() + "'/*.xml >'" + folder.string() + "/log' 2>&1";
  if (std::system(command.c_str()) == 0) return "";
  std::ifstream log(folder / "log");
  std::string out, line;
  for (int shown = 0; shown < 20 && std::getline(log, line);) {
    if (line.find(" validates") != std::string::npos) continue;
    out += line + "\n";
    ++shown;
  }
  return out.empty() ? "refused" : out;
}

// The same for OPDS 2.0; `kind` as check_json.py calls it: feed, publication, auth.
inline std::string refused_json(const std::string& kind, const std::vector<std::string>& documents) {
  std::filesystem::path script = harness::shared_folder() / "schemas" / "opds" / "check_json.py";
  bool here = std::filesystem::exists(script) && std::system("python3 -c 'import jsonschema' >/dev/null 2>&1") == 0;
  if (!here) {
    WARN("the OPDS schemas or python3-jsonschema are not here: documents are not validated");
    return "";
  }
  if (documents.empty()) return "";
  harness::scratch_folder scratch;
  std::string folder = scratch.path.string();
  for (std::size_t i = 0; i < documents.size(); ++i)
    std::ofstream(scratch.path / ("doc" + std::to_string(i) + ".json")) << documents[i];
  std::string command = "python3 '" + script.string() + "' " + kind + " '" + folder + "'/*.json >'" + folder + "/log' 2>&1";
  if (std::system(command.c_str()) == 0) return "";
  std::ifstream log(scratch.path / "log");
  std::string out, line;
  for (int shown = 0; shown < 20 && std::getline(log, line); ++shown) out += line + "\n";
  return out.empty() ? "refused" : out;
}

}  // namespace carrel::opds::tests

// Serves a LevelDB store on standard input and output, as docs/engines.md says: a JSON object a line each way.

#include <leveldb/db.h>
#include <leveldb/write_batch.h>

#include <cctype>
#include <cstring>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

using leveldb::Slice;
using leveldb::Status;

// A request is flat but for the changes of a batch, and its strings are hex or names: nothing in them is escaped but in "dir".
struct Request {
  std::map<std::string, std::string> fields;        // strings without quotes, numbers and words as they stand
  std::vector<std::vector<std::string>> changes;    // ["put", key, value] or ["delete", key]
};

static std::string quoted(const std::string& s, size_t& at) {
  std::string text;
  for (at++; s.at(at) != '"'; at++) {
    if (s[at] == '\\') at++;
    text += s[at];
  }
  at++;
  return text;
}

static Request parse(const std::string& line) {
  Request request;
  std::string name;
  int depth = 0;
  for (size_t at = 0; at < line.size();) {
    char c = line[at];
    if (c == '[' && ++depth == 2) request.changes.emplace_back();
    if (c == ']') depth--;
    if (c != '"' && (isspace(c) || strchr("{}[],:", c))) { at++; continue; }
    std::string word;
    if (c == '"') word = quoted(line, at);
    else while (at < line.size() && !strchr(",}] ", line[at])) word += line[at++];
    if (depth == 2) request.changes.back().push_back(word);
    else if (at < line.size() && line[at] == ':') name = word;
    else request.fields[name] = word;
  }
  return request;
}

static std::string bytes(const std::string& hex) {
  std::string result;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) result += char(std::stoi(hex.substr(i, 2), nullptr, 16));
  return result;
}

static std::string hex(const Slice& slice) {
  static const char* digits = "0123456789abcdef";
  std::string result = "\"";
  for (size_t i = 0; i < slice.size(); i++) {
    unsigned char byte = slice[i];
    result += digits[byte >> 4];
    result += digits[byte & 15];
  }
  return result + "\"";
}

static std::unique_ptr<leveldb::DB> db;
static std::map<std::string, const leveldb::Snapshot*> snapshots;

static leveldb::ReadOptions reading(const Request& r) {
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  if (r.fields.count("snapshot")) options.snapshot = snapshots.at(r.fields.at("snapshot"));
  return options;
}

static bool before(const Slice& k, const std::string& bound, bool reverse) {
  return reverse ? k.compare(bound) >= 0 : k.compare(bound) <= 0;
}

static std::string scan(const Request& r) {
  auto has = [&](const char* name) { return r.fields.count(name) > 0; };
  auto key = [&](const char* name) { return bytes(r.fields.at(name)); };
  auto inside = [&](const Slice& k) {
    return !(has("gte") && k.compare(key("gte")) < 0) && !(has("gt") && k.compare(key("gt")) <= 0) &&
           !(has("lt") && k.compare(key("lt")) >= 0) && !(has("lte") && k.compare(key("lte")) > 0);
  };
  bool reverse = has("reverse") && r.fields.at("reverse") == "true";
  long left = has("limit") ? std::stol(r.fields.at("limit")) : -1;
  std::unique_ptr<leveldb::Iterator> it(db->NewIterator(reading(r)));
  const char* bound = reverse ? (has("lt") ? "lt" : has("lte") ? "lte" : nullptr) : (has("gt") ? "gt" : has("gte") ? "gte" : nullptr);
  if (bound) it->Seek(key(bound)); else if (reverse) it->SeekToLast(); else it->SeekToFirst();
  if (reverse && bound && !it->Valid()) it->SeekToLast();
  // A seek may stop just before the range: at the bound itself, or, backwards, behind it.
  while (it->Valid() && bound && !inside(it->key()) && before(it->key(), key(bound), reverse)) reverse ? it->Prev() : it->Next();
  std::string entries;
  for (; it->Valid() && left != 0 && inside(it->key()); reverse ? it->Prev() : it->Next(), left--)
    entries += (entries.empty() ? "[" : ",[") + hex(it->key()) + "," + hex(it->value()) + "]";
  return ",\"entries\":[" + entries + "]";
}

// The fields of an answer behind "ok"; a status that is not ok is an error of that code.
static Status execute(const Request& r, std::string& answer) {
  const std::string& op = r.fields.at("op");
  leveldb::WriteOptions writing;
  writing.sync = r.fields.count("sync") && r.fields.at("sync") == "true";
  if (op == "open") {
    leveldb::Options options;
    options.create_if_missing = true;
    leveldb::DB* opened = nullptr;
    Status status = leveldb::DB::Open(options, r.fields.at("dir"), &opened);
    db.reset(opened);
    answer = ",\"protocol\":1,\"capabilities\":[\"batch\",\"scan\",\"reverse\",\"snapshot\",\"compact\"],"
             "\"durability\":{\"sync\":\"power\",\"noSync\":\"kill\"}";
    return status;
  }
  if (op == "put") return db->Put(writing, bytes(r.fields.at("key")), bytes(r.fields.at("value")));
  if (op == "delete") return db->Delete(writing, bytes(r.fields.at("key")));
  if (op == "batch") {
    leveldb::WriteBatch batch;
    for (const auto& change : r.changes) {
      if (change[0] == "put") batch.Put(bytes(change[1]), bytes(change[2]));
      else batch.Delete(bytes(change[1]));
    }
    return db->Write(writing, &batch);
  }
  if (op == "get" || op == "has") {
    std::string value;
    Status status = db->Get(reading(r), bytes(r.fields.at("key")), &value);
    if (!status.ok() && !status.IsNotFound()) return status;
    answer = ",\"value\":" + (op == "has" ? (status.ok() ? "true" : "false") : (status.ok() ? hex(value) : "null"));
    return Status::OK();
  }
  if (op == "scan") answer = scan(r);
  else if (op == "snapshot") snapshots[r.fields.at("name")] = db->GetSnapshot();
  else if (op == "release") {
    db->ReleaseSnapshot(snapshots.at(r.fields.at("name")));
    snapshots.erase(r.fields.at("name"));
  } else if (op == "compact") db->CompactRange(nullptr, nullptr);
  else if (op == "close") db.reset();
  else return Status::NotSupported(op);
  return Status::OK();
}

int main() {
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) {
    Request request = parse(line);
    std::string answer;
    Status status = execute(request, answer);
    std::string message = status.ToString();
    for (char& c : message) if (c == '"' || c == '\\') c = '\'';
    if (status.ok()) std::cout << "{\"id\":" << request.fields["id"] << ",\"ok\":true" << answer << "}\n";
    else
      std::cout << "{\"id\":" << request.fields["id"] << ",\"ok\":false,\"code\":\""
                << (status.IsNotSupportedError() ? "UNSUPPORTED" : "ERROR") << "\",\"message\":\"" << message << "\"}\n";
    std::cout.flush();
  }
}

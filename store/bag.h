#ifndef STORE_BAG_H
#define STORE_BAG_H
/** The files of a bag (docs/FORMAT.md, "Bags"): BagIt, RFC 8493, in a tar. */
#define BAG_ROOT "backtrail-bag/"
#define BAG_DECLARATION "bagit.txt"
#define BAG_INFO "bag-info.txt"
#define BAG_MANIFEST "manifest-sha256.txt"
#define BAG_ROOTS "backtrail-roots.txt"
#define BAG_INPUTS "backtrail-inputs.json"
#define BAG_TAGS "tagmanifest-sha256.txt"
#define BAG_DECLARATION_TEXT "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"

#endif

#include "opds/icon.hpp"

#include "server/core/text.hpp"

namespace carrel::opds {

// web/assets/mark.svg at 128 x 128: apps show no SVG.
const std::string& icon() {
  static const std::string bytes =
      base64_decode(
          "iVBORw0KGgoAAAANSUhEUgAAAIAAAACABAMAAAAxEHz4AAAAMFBMVEUjWUojWUojWUojWUo1ZlhHdGZZgXRrjoN9nJGPqZ+htq2zxLvF0crX3t"
          "jp7Ob7+fRrozwEAAAABHRSTlMAVar/oA4xLwAAAoZJREFUeNrtmr1OG0EUhW38AghewOAXMB7Z/AVSIFEhUVCQCgoiChoK0qWg4gmiFKlSUCMX"
          "KdxBwxtQUblAVBSuEOHH3shaZlllz7XvvYd0OdWurfmkmW+89tzrUilLebYWVGnMTpZApoIhM8XxtWBKgxxfIEwHc+by4yeCI1VmAn9NYjq4kk"
          "2iHJyJ26HiBdSZFcitwkRwp8os4dsyBiLkDNI5VBhAnXEQPYTALUKZA0xyazhcxQoHqDPbKN1KNQ7Q+JeA5kUyzPPWaID83k6S5nb0RpDfungF"
          "PHsBScx/gA2Qd+8C5N0jQGscIO++CGh+7e2NAeQHFQAH3SQ59QO2z4fXV15A6yy9vncClnqv1w9OwGIifbKUgKa4KbRr0I03R05A3CAFj1rAcb"
          "y5cgI24829E/Ah3vx2AhYkj1qA6FH9WZA8qgGSRzVA8qgGSB7VAMmjGiB5VAMkj/pHmuBRD8g8/nICBI96wEfsUQ9Yxh71gMzjixPw5nHN+dWG"
          "PRoAbejRAMAeDQDs0QDAHg0A7NEAwB4tv1CgRwsAerQAoEcLAHq0AKBHCyDz2HcCoEcLAHo0AZBHE+AwvnLjBKwCjyZA5vHRCZgHHk0A5NEEQB"
          "5tAODRBgAebQDg0QYAHm0A4HHEsQ8c/6PHQUdz8EQFiNTj9Zbq6ItKIEOPd1+Uh2+U3aT/XX16R1nprAUKYKofOADr+7p8FgDZ8XRsvmHATzVA"
          "eCJ11QDhiZTogwE99fgBBrTVgKccIFcO3FADLoV64qcfupy8a0WTLsrSZWG6ME2XxuniPN8eoBsUdIuEbtLwbSK6UUW3yvhmHd0upBuWfMuUb9"
          "rSbWO+cc23zvnmvffvA38A5YhBQNBd6JEAAAAASUVORK5CYII=")
          .value();
  return bytes;
}

}  // namespace carrel::opds

package main

// Whether a header block changes the decoder's table (RFC 7541 §6.2.1, §6.3): its bytes then mean something else the next time.
func changesTable(block []byte) bool {
	for at := 0; at < len(block); {
		first := block[at]
		switch {
		case first&0x80 != 0:
			_, at = integer(block, at, 7)
		case first&0xc0 == 0x40, first&0xe0 == 0x20:
			return true
		default:
			var name int
			name, at = integer(block, at, 4)
			if name == 0 {
				at = text(block, at)
			}
			at = text(block, at)
		}
	}
	return false
}

// An integer with a prefix of so many bits (RFC 7541 §5.1), and where it ends.
func integer(block []byte, at int, prefixBits uint) (int, int) {
	top := 1<<prefixBits - 1
	value := int(block[at]) & top
	at++
	if value < top {
		return value, at
	}
	for shift := uint(0); at < len(block) && shift < 28; shift += 7 {
		one := block[at]
		at++
		value += int(one&0x7f) << shift
		if one&0x80 == 0 {
			break
		}
	}
	return value, at
}

// Where a text ends (RFC 7541 §5.2).
func text(block []byte, at int) int {
	if at >= len(block) {
		return at
	}
	length, at := integer(block, at, 7)
	return at + length
}

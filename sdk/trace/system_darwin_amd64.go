package trace

const counterIsClock = false

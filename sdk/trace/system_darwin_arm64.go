package trace

const counterIsClock = true
